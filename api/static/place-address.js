// Addresses within the page: of places in documents, as links of other programs and of the chat in other sites' pages
// have them, and of kept conversations.

/** The fragment under which the page opens a place {document, revision, span}. */
export function placeFragment({ document, revision, span }) {
  return `#document=${encodeURIComponent(document)}&revision=${revision}&span=${span.join(",")}`;
}

/** The place that a fragment names, or null. */
export function placeIn(fragment) {
  const named = new URLSearchParams(fragment.replace(/^#/, ""));
  const document = named.get("document");
  const revision = Number(named.get("revision"));
  const span = (named.get("span") ?? "").split(",").map(Number);
  const valid = document && Number.isInteger(revision) && span.length === 2 && span.every(Number.isInteger);
  return valid ? { document, revision, span } : null;
}

export function conversationFragment(id) {
  return `#conversation=${encodeURIComponent(id)}`;
}

/** The conversation that a fragment names, or null. */
export function conversationIn(fragment) {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("conversation");
}
