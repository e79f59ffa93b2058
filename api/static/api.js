// The server's API as the page uses it. Addresses are relative, so that the page also works under a path prefix.

import { readEvents } from "./event-stream.js";

/** Why a request failed, in the server's words where it gave some (RFC 9457 problem details). */
export class Problem extends Error {
  constructor({ title, detail = "", status = 0 }, retryAfter = null) {
    super(title);
    this.title = title;
    this.detail = detail;
    this.status = status;
    /** Seconds after which to try again, or null. */
    this.retryAfter = retryAfter;
  }
}

let key = null;

/** Lets all requests from now on carry this API key. */
export function useKey(secret) {
  key = secret;
}

/** Who the server takes this page's user for, and how one signs in. */
export async function readSession() {
  return getJson("v1/session");
}

/** Begins a conversation that the server keeps. @returns its id */
export async function createConversation(collection) {
  return (await sendJson("POST", "v1/conversations", { collection })).id;
}

/** A page of the caller's conversations: `{conversations, next_cursor}`. */
export async function listConversations({ search = "", cursor = null } = {}, signal) {
  const query = new URLSearchParams({ search, limit: 40, ...(cursor ? { cursor } : {}) });
  return getJson(`v1/conversations?${query}`, signal);
}

export async function readConversation(id, signal) {
  return getJson(conversationPath(id), signal);
}

export async function renameConversation(id, title) {
  return sendJson("PATCH", conversationPath(id), { title });
}

export async function deleteConversation(id) {
  await send(conversationPath(id), { method: "DELETE" });
}

/** A conversation as a Markdown file. */
export async function exportConversation(id) {
  return getFile(`${conversationPath(id)}/export`);
}

function conversationPath(id) {
  return `v1/conversations/${encodeURIComponent(id)}`;
}

/** What the reader thinks of an answer: `{answer, rating, reason, comment}`; it replaces what he said before. */
export async function giveFeedback(opinion) {
  return sendJson("POST", "v1/feedback", opinion);
}

export async function listCollections() {
  return (await getJson("v1/collections")).collections;
}

/** One revision of a document: canonical text, sections, page starts. */
export async function readRevision(document, revision, signal) {
  return getJson(`v1/documents/${encodeURIComponent(document)}/revisions/${encodeURIComponent(revision)}`, signal);
}

/**
 * Asks and yields `{event: "accepted"}` once the server has taken the question (and, in a conversation, noted it), then
 * its events `{event: "sources" | "delta" | "answer", data}` in order. Throws a Problem
 * when the server refuses, reports an error midway, or breaks off before the answer is complete.
 */
export async function* streamAnswer(question, signal) {
  const response = await send("v1/answers", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(question),
    signal,
  });
  yield { event: "accepted" };
  try {
    for await (const { event, data } of readEvents(response.body)) {
      if (event === "error") throw new Problem(JSON.parse(data));
      yield { event, data: JSON.parse(data) };
      if (event === "answer") return;
    }
  } catch (error) {
    throw error instanceof Problem || signal.aborted ? error : brokenOff();
  }
  throw brokenOff();
}

async function getJson(address, signal) {
  const response = await send(address, { headers: { Accept: "application/json" }, signal });
  return response.json();
}

async function sendJson(method, address, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return (await send(address, { method, headers, body: JSON.stringify(body) })).json();
}

/** A file and the name that the server gives it. */
async function getFile(address) {
  const response = await send(address, {});
  const name = /filename="([^"]*)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  return { blob: await response.blob(), name: name ?? "file" };
}

async function send(address, options) {
  const headers = key ? { ...options.headers, Authorization: `Bearer ${key}` } : options.headers;
  let response;
  try {
    response = await fetch(address, { ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem({ title: "The server cannot be reached", detail: "Check the connection and try again." });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response) {
  const isProblem = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
  const body = isProblem ? await response.json().catch(() => ({})) : {};
  const title = body.title || `The server answered with status ${response.status}`;
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new Problem({ ...body, title, status: response.status }, Number.isNaN(seconds) ? null : seconds);
}

function brokenOff() {
  return new Problem({
    title: "The answer was cut off",
    detail: "The connection ended before the answer was complete.",
  });
}
