// The documents that are indexed, and the revisions of each: compared, taken out, brought back.

import { compareRevisions, completed, listDocuments, readHistory, removeDocument, restoreRevision } from "./admin-api.js";
import { attempt, counted, field, row, select, statusLine, table } from "./admin-parts.js";
import { button, element, moment, sureButton } from "./dom.js";
import { placeFragment } from "./place-address.js";

const SIGNS = { same: " ", removed: "−", added: "+" };

export async function showDocuments(root, { permissions }) {
  const changes = permissions.includes("ingest"); // whether the reader may take documents out and bring them back
  const line = statusLine();
  const filter = element("input", { type: "search", "aria-label": "Filter documents", placeholder: "Filter" });
  const kind = select("kind", [
    ["", "Indexed"],
    ["removed", "Removed"],
  ]);
  const { element: shown, body } = table("Documents", ["Title", "File", "Collection", "Passages", "Since", "Revision"]);
  root.append(element("div", { class: "tools" }, filter, field("Show", kind), line), shown);
  let documents = [];

  function draw() {
    const words = filter.value.toLowerCase().split(/\s+/);
    const fits = ({ title, source, collection }) => {
      const text = `${title} ${source} ${collection}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    const found = documents.filter(fits);
    body.replaceChildren(...found.map((document) => documentRow(document, changes ? carryOut : null)));
    line.textContent = counted(found.length, "document");
  }

  async function load() {
    const asked = kind.value;
    const found = await listDocuments(asked === "removed");
    if (asked !== kind.value) return; // the reader has chosen the other meanwhile
    documents = found;
    draw();
  }

  /** Has a job begun by `begin` done, and shows what holds then. */
  const carryOut = (begin, used, told) =>
    attempt(
      told,
      async () => {
        const job = await begin();
        told.textContent = "Waiting for its turn";
        await completed(job);
        await load();
        shown.focus({ preventScroll: true }); // what was used is gone
      },
      used,
    );

  filter.addEventListener("input", draw);
  kind.addEventListener("change", () => attempt(line, load));
  await attempt(line, load);
}

/** @param {Function|null} carryOut  null where the reader may change nothing */
function documentRow({ document, title, source, collection, revision, passages, valid_from: since }, carryOut) {
  const opener = element("a", { href: addressOf(document, revision) }, title);
  const history = element("td", { colspan: 6 });
  const below = element("tr", {}, history);
  const label = `History of ${title}, revision ${revision}`;
  const toggle = button(
    `${revision} · History`,
    { class: "quiet", "aria-expanded": "false", "aria-label": label },
    () => {
      const open = toggle.ariaExpanded !== "true";
      toggle.ariaExpanded = String(open);
      if (!open) {
        below.remove();
        return;
      }
      shown.after(below);
      showHistory(document, history, carryOut);
    },
  );
  const shown = row(opener, source, collection, String(passages), moment(since, { withTime: false }), toggle);
  return shown;
}

async function showHistory(document, root, carryOut) {
  const line = statusLine();
  const entries = element("ul", { class: "places", "aria-label": "Revisions" });
  const tools = element("div", { class: "tools" });
  const changes = element("div");
  root.replaceChildren(entries, tools, line, changes);
  await attempt(line, async () => {
    const revisions = await readHistory(document);
    for (const [at, { revision, valid_from: from, valid_to: to }] of revisions.entries()) {
      const link = element("a", { href: addressOf(document, revision) }, `Revision ${revision}`);
      const until = to === null ? ["since ", moment(from)] : [moment(from), " to ", moment(to)];
      const entry = element("li", {}, link, ": ", ...until);
      const earlier = revisions[at + 1]?.revision;
      if (earlier) entry.append(" ", comparing(document, earlier, revision, changes, line));
      if (to !== null && carryOut) entry.append(" ", restoring(document, revision, carryOut, line));
      entries.append(entry);
    }
    if (revisions[0].valid_to === null && carryOut) tools.append(removing(document, carryOut, line));
  });
}

function comparing(document, before, after, root, line) {
  const label = `Changes from revision ${before} to ${after}`;
  const used = button("Changes", { class: "quiet", "aria-label": label }, () =>
    attempt(line, async () => root.replaceChildren(comparison(await compareRevisions(document, before, after), label)), used),
  );
  return used;
}

function restoring(document, revision, carryOut, line) {
  return sureButton("Restore", `Let revision ${revision} hold again?`, ({ target }) =>
    carryOut(() => restoreRevision(document, revision), target, line),
  );
}

function removing(document, carryOut, line) {
  return sureButton("Remove from the index", "Remove it? Its history stays.", ({ target }) =>
    carryOut(() => removeDocument(document), target, line),
  );
}

/** The changed lines, each with its sign: the colours alone would not do. */
function comparison({ hunks }, label) {
  const parts = hunks.map(({ before, after, lines }) =>
    element(
      "div",
      { class: "hunk" },
      element("p", { class: "hint-line" }, `Line ${before}, now ${after}`),
      ...lines.map(({ change, text }) => element("pre", { class: change }, `${SIGNS[change]} ${text}`)),
    ),
  );
  if (!parts.length) parts.push(element("p", {}, "The text is the same."));
  return element("div", { class: "comparison", role: "region", tabindex: 0, "aria-label": label }, ...parts);
}

function addressOf(document, revision) {
  return `./${placeFragment({ document, revision, span: [0, 0] })}`;
}
