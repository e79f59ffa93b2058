// Requests to the server and what they fail with. Addresses are relative, so that the page also works under a path prefix.

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

/** Whether requests carry an API key, which links to the server then lack. */
export function hasKey() {
  return key !== null;
}

export async function getJson(address, signal) {
  const response = await send(address, { headers: { Accept: "application/json" }, signal });
  return response.json();
}

export async function sendJson(method, address, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return (await send(address, { method, headers, body: JSON.stringify(body) })).json();
}

/**
 * Sends a form with files; `sending(part)` is told which part of it has left, from 0 to 1. fetch can't tell that.
 * @returns {Promise<object>} the response's JSON; throws a Problem
 */
export function sendForm(address, form, sending) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.upload.addEventListener("progress", ({ loaded, total }) => sending(total ? loaded / total : 0));
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("load", () => {
      const type = request.getResponseHeader("Content-Type") ?? "";
      const headers = { "Content-Type": type, "Retry-After": request.getResponseHeader("Retry-After") ?? "" };
      const response = new Response(request.responseText, { status: request.status, headers });
      resolve(response.ok ? response.json() : problemOf(response).then((problem) => Promise.reject(problem)));
    });
    request.send(form);
  });
}

/** A file and the name that the server gives it. */
export async function getFile(address) {
  const response = await send(address, {});
  const disposition = response.headers.get("Content-Disposition") ?? "";
  const encoded = /filename\*=UTF-8''([^;]*)/.exec(disposition)?.[1];
  const name = encoded ? decodeURIComponent(encoded) : /filename="([^"]*)"/.exec(disposition)?.[1];
  return { blob: await response.blob(), name: name ?? "file" };
}

export async function send(address, options) {
  const headers = key ? { ...options.headers, Authorization: `Bearer ${key}` } : options.headers;
  let response;
  try {
    response = await fetch(address, { ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw unreachable();
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

function unreachable() {
  return new Problem({ title: "The server cannot be reached", detail: "Check the connection and try again." });
}

async function problemOf(response) {
  const isProblem = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
  const body = isProblem ? await response.json().catch(() => ({})) : {};
  const title = body.title || `The server answered with status ${response.status}`;
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new Problem({ ...body, title, status: response.status }, Number.isNaN(seconds) ? null : seconds);
}
