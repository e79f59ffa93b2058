// The documents that are indexed, and the revisions of each.

import { listDocuments, readHistory } from "./admin-api.js";
import { attempt, counted, row, statusLine, table } from "./admin-parts.js";
import { button, element, moment } from "./dom.js";
import { placeFragment } from "./place-address.js";

export async function showDocuments(root) {
  const line = statusLine();
  const filter = element("input", { type: "search", "aria-label": "Filter documents", placeholder: "Filter" });
  const { element: shown, body } = table("Documents", ["Title", "File", "Collection", "Passages", "Since", "Revision"]);
  root.append(element("div", { class: "tools" }, filter, line), shown);
  let documents = [];

  function draw() {
    const words = filter.value.toLowerCase().split(/\s+/);
    const fits = ({ title, source, collection }) => {
      const text = `${title} ${source} ${collection}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const found = documents.filter(fits);
    body.replaceChildren(...found.map(documentRow));
    line.textContent = counted(found.length, "document");
  }

  filter.addEventListener("input", draw);
  await attempt(line, async () => {
    documents = await listDocuments();
    draw();
  });
}

function documentRow({ document, title, source, collection, revision, passages, valid_from: since }) {
  const opener = element("a", { href: addressOf(document, revision) }, title);
  const history = element("div");
  const label = `History of ${title}, revision ${revision}`;
  const toggle = button(
    `${revision} · History`,
    { class: "quiet", "aria-expanded": "false", "aria-label": label },
    () => {
      const open = toggle.ariaExpanded !== "true";
      toggle.ariaExpanded = String(open);
      if (open) showHistory(document, history);
      else history.replaceChildren();
    },
  );
  const cell = element("div", {}, toggle, history);
  return row(opener, source, collection, String(passages), moment(since, { withTime: false }), cell);
}

async function showHistory(document, root) {
  const line = statusLine();
  const entries = element("ul", { class: "places", "aria-label": "Revisions" });
  root.replaceChildren(line, entries);
  await attempt(line, async () => {
    for (const { revision, valid_from: from, valid_to: to } of await readHistory(document)) {
      const link = element("a", { href: addressOf(document, revision) }, `Revision ${revision}`);
      const until = to === null ? ["since ", moment(from)] : [moment(from), " to ", moment(to)];
      entries.append(element("li", {}, link, ": ", ...until));
    }
  });
}

function addressOf(document, revision) {
  return `./${placeFragment({ document, revision, span: [0, 0] })}`;
}
