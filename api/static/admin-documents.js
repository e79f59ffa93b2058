// The documents that are indexed.

import { listDocuments } from "./admin-api.js";
import { attempt, counted, row, statusLine, table } from "./admin-parts.js";
import { element, moment } from "./dom.js";
import { placeFragment } from "./place-address.js";

export async function showDocuments(root) {
  const line = statusLine();
  const filter = element("input", { type: "search", "aria-label": "Filter documents", placeholder: "Filter" });
  const { element: shown, body } = table("Documents", ["Title", "File", "Collection", "Revision", "Passages", "Since"]);
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
  const address = `./${placeFragment({ document, revision, span: [0, 0] })}`;
  const opener = element("a", { href: address }, title);
  return row(opener, source, collection, String(revision), String(passages), moment(since, { withTime: false }));
}
