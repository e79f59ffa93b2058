// The server's API as the pages for curators and administrators use it.

import { readEvents } from "./event-stream.js";
import { Problem, getJson, send, sendForm, sendJson } from "./http.js";

const PAGE = 50; // entries of a list that come at a time

/** The documents that hold, or those that were `removed`. */
export async function listDocuments(removed = false) {
  return (await getJson(`v1/documents?removed=${removed}`)).documents;
}

/** What changed in a document from the revision before to `after`: `{before, after, hunks}`. */
export async function compareRevisions(document, before, after) {
  return getJson(`${documentPath(document)}/diff?${new URLSearchParams({ before, after })}`);
}

/** Takes a document out of the index, as a job. */
export async function removeDocument(document) {
  return (await send(documentPath(document), { method: "DELETE" })).json();
}

/** Lets what a revision said hold again, as a job. */
export async function restoreRevision(document, revision) {
  return sendJson("POST", `${documentPath(document)}/revisions/${revision}/restore`, {});
}

/** The revisions of a document, the newest first. */
export async function readHistory(document) {
  return (await getJson(`${documentPath(document)}/revisions`)).revisions;
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

/** Counts from the day `first` to the day `last` (ISO 8601), of one caller or of all. */
export async function readUsage(first, last, caller = null) {
  const query = new URLSearchParams({ first, last, ...(caller ? { asked_by: caller } : {}) });
  return getJson(`v1/usage?${query}`);
}

export async function listAudit(cursor) {
  return getJson(listPath("v1/audit", { cursor }));
}

/** What may be ingested: `{folders, max_files, max_bytes, max_file_bytes}`. */
export async function readIngestOptions() {
  return getJson("v1/ingest");
}

/** Uploads files, as a job. `files` are `{file, name}`; `sending` as in sendForm. */
export async function uploadFiles(files, collection, sending) {
  const form = new FormData();
  if (collection) form.append("collection", collection);
  for (const { file, name } of files) form.append("files", file, name);
  return sendForm("v1/ingest", form, sending);
}

/** Makes a collection equal to folders of the server, as a job. */
export async function ingestFolders(paths, collection, removal) {
  return sendJson("POST", "v1/ingest", { paths, collection: collection || null, removal });
}

export async function listJobs(cursor) {
  return getJson(listPath("v1/jobs", { cursor }));
}

/** A job with its report. */
export async function readJob(id) {
  return getJson(jobPath(id));
}

export async function cancelJob(id) {
  return sendJson("POST", `${jobPath(id)}/cancel`, {});
}

/** Yields the job as it goes on, until it is over. */
export async function* followJob(id, signal) {
  const response = await send(`${jobPath(id)}/events`, { headers: { Accept: "text/event-stream" }, signal });
  for await (const { event, data } of readEvents(response.body)) if (event === "job") yield JSON.parse(data);
}

/** The job as it ended; throws a Problem where that was not well. */
export async function completed(job) {
  let last = job;
  for await (const now of followJob(job.id)) last = now;
  if (last.state !== "succeeded") throw new Problem({ title: `The job was ${last.state}`, detail: last.error ?? "" });
  return last;
}

function documentPath(document) {
  return `v1/documents/${encodeURIComponent(document)}`;
}

function jobPath(id) {
  return `v1/jobs/${encodeURIComponent(id)}`;
}

function curatedPath(id) {
  return `v1/curated/${encodeURIComponent(id)}`;
}

function listPath(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  return `${path}?${new URLSearchParams([["limit", PAGE], ...given])}`;
}
