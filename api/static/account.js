// Who uses the page: signs him in and out, by the identity provider or by an API key.

import { readSession } from "./api.js";
import { button, element } from "./dom.js";
import { send, useKey } from "./http.js";

const KEPT_KEY = "docqa-key"; // in the tab's own storage: gone when it is closed
const CURATION = ["curate", "ingest", "admin"];

/** Takes up the key that this tab was given before, if any. */
export function resumeKey() {
  const key = sessionStorage.getItem(KEPT_KEY);
  if (key) useKey(key);
}

/** Whether somebody has anything to do on the administration pages. */
export function administers({ caller }) {
  return caller !== null && CURATION.some((permission) => caller.permissions.includes(permission));
}

/**
 * Ways to sign in, as a panel. @param {() => void} signedIn  called once the server knows the reader
 */
export function signInPanel({ ways, sign_in_url: address }, signedIn) {
  const line = element("p", { class: "told", role: "status" });
  const here = encodeURIComponent(location.pathname + location.hash);
  const link =
    address && element("a", { class: "action", href: `${address.replace(/^\//, "")}?to=${here}` }, "Sign in");
  const byKey = ways.includes("keys") ? keyForm(line, signedIn) : null;
  const words = "What the documents say is for those who sign in.";
  const otherwise = link || byKey ? words : "You come without the name that the proxy in front gives its users.";
  return element(
    "section",
    { class: "sign-in", "aria-label": "Sign in" },
    element("p", {}, otherwise),
    link,
    byKey,
    line,
  );
}

function keyForm(line, signedIn) {
  const field = element("input", { type: "password", name: "key", autocomplete: "off", required: true });
  const form = element(
    "form",
    { class: "form" },
    element("label", {}, "API key", field),
    element("button", { class: "action" }, "Use this key"),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const key = field.value.trim();
    useKey(key);
    try {
      if ((await readSession()).caller === null) throw new Error("This key is unknown, revoked or expired.");
      sessionStorage.setItem(KEPT_KEY, key);
      signedIn();
    } catch (problem) {
      useKey(null);
      line.textContent = problem.detail || problem.message;
    }
  });
  return form;
}

/** The reader's name and a way out; nothing where nobody signs in. */
export function accountLine({ caller, ways }) {
  if (caller === null || ways.length === 0) return null;
  const out = button("Sign out", { class: "quiet" }, async () => {
    sessionStorage.removeItem(KEPT_KEY);
    await send("v1/session", { method: "DELETE" }).catch(() => {}); // a key that holds no longer is gone anyway
    location.assign("./");
  });
  const name = caller.id.replace(/^user:/, "");
  return element("span", { class: "account" }, element("span", { class: "account-name", title: name }, name), out);
}
