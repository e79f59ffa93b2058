// The server's API as the pages for curators and administrators use it.

import { getJson, send, sendJson } from "./http.js";

const PAGE = 50; // entries of a list that come at a time

export async function listDocuments() {
  return (await getJson("v1/documents")).documents;
}

/** A page of questions that the documents left open: `{unanswered, next_cursor}`; `state` is "open" or "closed". */
export async function listUnanswered(state, cursor) {
  return getJson(listPath("v1/unanswered", { state, cursor }));
}

/** Asks the question again: `{entry, answer}`. */
export async function recheckUnanswered(id) {
  return sendJson("POST", `v1/unanswered/${encodeURIComponent(id)}/recheck`, {});
}

export async function deleteUnanswered(id) {
  await send(`v1/unanswered/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export async function listCurated(cursor) {
  return getJson(listPath("v1/curated", { cursor }));
}

export async function pinCurated(answer) {
  return sendJson("POST", "v1/curated", answer);
}

export async function changeCurated(id, change) {
  return sendJson("PATCH", curatedPath(id), change);
}

export async function verifyCurated(id) {
  return sendJson("POST", `${curatedPath(id)}/verify`, {});
}

export async function deleteCurated(id) {
  await send(curatedPath(id), { method: "DELETE" });
}

/** A page of opinions: `{feedback, next_cursor}`; `rating` is "up", "down", or "" for both. */
export async function listFeedback(rating, cursor) {
  return getJson(listPath("v1/feedback", { rating, cursor }));
}

export async function listKeys() {
  return (await getJson("v1/keys")).keys;
}

/** The new key with its `secret`, which is never shown again. */
export async function createKey(key) {
  return sendJson("POST", "v1/keys", key);
}

export async function revokeKey(id) {
  return (await send(`v1/keys/${encodeURIComponent(id)}`, { method: "DELETE" })).json();
}

export async function listAudit(cursor) {
  return getJson(listPath("v1/audit", { cursor }));
}

function curatedPath(id) {
  return `v1/curated/${encodeURIComponent(id)}`;
}

function listPath(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  return `${path}?${new URLSearchParams([["limit", PAGE], ...given])}`;
}
