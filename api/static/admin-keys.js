// API keys: made, listed, revoked; and the log of administrative acts.

import { createKey, listAudit, listKeys, revokeKey } from "./admin-api.js";
import { attempt, field, pagedList, row, select, statusLine, table } from "./admin-parts.js";
import { copyText } from "./clipboard.js";
import { button, element, moment, sureButton } from "./dom.js";

const DAY = 24 * 3600;

export async function showKeys(root) {
  const line = statusLine();
  const { element: shown, body } = table("API keys", ["Name", "Begins with", "Opens", "Last used", "Expires", "State"]);
  const load = () =>
    attempt(line, async () => {
      const keys = await listKeys();
      body.replaceChildren(...keys.map((key) => keyRow(key, load, line)));
      if (!keys.length) line.textContent = "No key has been made yet.";
    });
  root.append(keyForm(load), line, shown);
  await load();
}

function keyForm(made) {
  const name = element("input", { name: "name", required: true, maxlength: 200 });
  const role = select("role", [
    ["reader", "Reader: asks and reads"],
    ["curator", "Curator: also curates and ingests"],
    ["admin", "Admin: everything"],
  ]);
  const collections = element("input", { name: "collections" });
  const labels = element("input", { name: "labels" });
  const days = element("input", { name: "days", type: "number", min: 1, max: 3650 });
  const rate = element("input", { name: "rate", type: "number", min: 1, max: 1000000 });
  const batch = element("input", { name: "batch", type: "checkbox" });
  const line = statusLine();
  const secret = element("div");
  const make = element("button", { class: "action" }, "Create key");
  const form = element(
    "form",
    { class: "form", "aria-label": "New key" },
    element(
      "div",
      { class: "columns" },
      field("Name", name),
      field("Role", role),
      field("Collections", collections, "Separated by commas; left empty: all."),
      field("Labels", labels, "Of documents that it may read beside those without any. Separated by commas."),
      field("Expires after days", days, "Left empty: never."),
      field("Requests a minute", rate, "Left empty: as many as anybody."),
      element("label", { class: "check" }, batch, "For batches: people's questions go first"),
    ),
    element("div", { class: "tools" }, make),
    line,
    secret,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = {
      name: name.value.trim(),
      role: role.value,
      collections: listed(collections),
      labels: listed(labels),
      batch: batch.checked,
      requests_per_minute: rate.value ? Number(rate.value) : null,
      expires_at: days.value ? Date.now() / 1000 + Number(days.value) * DAY : null,
    };
    attempt(
      line,
      async () => {
        const key = await createKey(wanted);
        form.reset();
        secret.replaceChildren(secretLine(key));
        await made();
      },
      make,
    );
  });
  return form;
}

/** The words of a field, which commas separate; null where there are none. */
function listed({ value }) {
  const words = value.split(",").map((word) => word.trim());
  const given = words.filter(Boolean);
  return given.length ? given : null;
}

function secretLine({ name, secret }) {
  const copy = button("Copy", { class: "quiet" }, async () => {
    copy.textContent = (await copyText(secret)) ? "Copied" : "Copying is not allowed here";
  });
  const words = `The key of ${name}. It is shown this once:`;
  return element("p", { class: "secret", role: "status" }, words, element("code", {}, secret), copy);
}

function keyRow(key, reload, line) {
  const scopes = key.scopes ? [`only ${key.scopes.join(", ")}`] : [];
  const opens = [key.role, ...scopes, key.collections?.join(", ") ?? "all collections"];
  if (key.labels?.length) opens.push(`labels ${key.labels.join(", ")}`);
  if (key.batch) opens.push("batches");
  if (key.requests_per_minute) opens.push(`${key.requests_per_minute} a minute`);
  if (key.origins) opens.push(`pages of ${key.origins.join(", ")}`);
  const revoke = sureButton("Revoke", "Revoke for good?", () =>
    attempt(line, async () => {
      await revokeKey(key.id);
      await reload();
    }),
  );
  const end = key.revoked_at ? element("span", { class: "badge doubt" }, "Revoked") : revoke;
  return row(
    key.name,
    element("code", {}, `${key.prefix}…`),
    opens.join(" · "),
    key.last_used_at ? moment(key.last_used_at) : "never",
    key.expires_at ? moment(key.expires_at, { withTime: false }) : "never",
    end,
  );
}

export async function showAudit(root) {
  const { element: shown, body } = table("Audit log", ["When", "Who", "What", "On what", "Details"]);
  const fetch = async (cursor) => {
    const found = await listAudit(cursor);
    return { items: found.entries, next: found.next_cursor };
  };
  const list = pagedList(body, fetch, auditRow, "Nothing has been done yet.");
  root.append(shown, ...list.elements.slice(1));
  await list.reload();
}

function auditRow({ at, actor, action, subject, details }) {
  const told = Object.entries(details ?? {}).filter(([, value]) => value !== null);
  const words = told.map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") : value}`);
  return row(moment(at), actor, action, element("code", {}, subject), words.join(" · "));
}
