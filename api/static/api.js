// The server's API as the chat uses it.

import { readEvents } from "./event-stream.js";
import { Problem, getFile, getJson, send, sendJson } from "./http.js";

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

/** Address of the file that a revision was read from; `page` is where a viewer of PDF opens it. */
export function originalAddress({ document, revision, page }) {
  const path = `v1/documents/${encodeURIComponent(document)}/revisions/${encodeURIComponent(revision)}/original`;
  return page ? `${path}#page=${page}` : path;
}

/** That file, for those who can't follow a link since they come with a key. */
export async function fetchOriginal(place) {
  return getFile(originalAddress({ ...place, page: null }));
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

function brokenOff() {
  return new Problem({
    title: "The answer was cut off",
    detail: "The connection ended before the answer was complete.",
  });
}
