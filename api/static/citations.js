// Chapter and verse: how citations are numbered, ordered and put into words. Knows no DOM.

import { plainWords } from "./markdown-text.js";

/** Headings from the outermost section inwards, without the document's own title where that opens the path. */
export function sectionPath({ title, section_path: path }) {
  return path[0] === title ? path.slice(1) : path;
}

export function sectionName(place) {
  return sectionPath(place).join(" › ");
}

export function pageName(first, last = first) {
  if (first === null || first === undefined) return "";
  return first === last ? `page ${first}` : `pages ${first}–${last}`;
}

/** Where a passage stands, e.g. "8 Alarms › 8.2 Error codes · page 14". */
export function passagePlace(passage) {
  return joinParts(sectionName(passage), passage.pages ? pageName(...passage.pages) : "");
}

/** Where a citation stands, with its revision, e.g. "revision 2 · 8 Alarms › 8.2 Error codes · page 14". */
export function citationPlace(citation) {
  return joinParts(`revision ${citation.revision}`, sectionName(citation), pageName(citation.page));
}

function joinParts(...parts) {
  return parts.filter((part) => part !== "").join(" · ");
}

function sameSpot(one, other) {
  const [from, to] = one.span;
  return (
    one.document === other.document && one.revision === other.revision && from === other.span[0] && to === other.span[1]
  );
}

/** All citations of an answer in reading order, each spot once. A citation's number is that of its passage. */
export function citationsInOrder(answer) {
  const found = [];
  for (const { citations } of answer.sentences) {
    for (const citation of citations) if (!found.some((other) => sameSpot(citation, other))) found.push(citation);
  }
  return found;
}

/** The first citation of each cited passage, by number. */
export function citedPassages(answer) {
  const first = new Map();
  for (const citation of citationsInOrder(answer)) {
    if (!first.has(citation.passage)) first.set(citation.passage, citation);
  }
  return [...first.values()].sort((one, other) => one.passage - other.passage);
}

/** Index of `citation` among `citations`, by its spot. */
export function indexOfSpot(citations, citation) {
  return citations.findIndex((other) => sameSpot(citation, other));
}

/**
 * Where the model wrote reference numbers of its own accord, e.g. " [2]" or " [1, 3]": UTF-16 [start, end) pairs.
 * Nobody has checked these; the computed citations stand in their place.
 */
export function ownReferences(text) {
  const matches = text.matchAll(/\s\[(?:passages? )?\d{1,2}(?:, ?\d{1,2})*\](?!\()/gi);
  return Array.from(matches, ({ 0: { length }, index }) => [index, index + length]);
}

/** The answer as plain text: its words, a number after each cited sentence, and the list of citations. */
export function answerAsText(answer) {
  const characters = Array.from(answer.answer);
  let text = "";
  let at = 0;
  for (const { span, citations } of answer.sentences) {
    const numbers = [...new Set(citations.map((citation) => citation.passage))];
    text += withoutOwnReferences(characters.slice(at, span[1]).join("")).trimEnd();
    text += numbers.map((number) => ` [${number}]`).join("");
    at = span[1];
    // Blanks at the end of a sentence come after its numbers.
    while (at > span[0] && /\s/.test(characters[at - 1])) at -= 1;
  }
  text += withoutOwnReferences(characters.slice(at).join(""));
  const list = citationsInOrder(answer)
    .sort((one, other) => one.passage - other.passage)
    .map(
      (citation) =>
        `[${citation.passage}] ${citation.title}, ${citationPlace(citation)}: “${plainWords(citation.quote)}”`,
    );
  return list.length ? `${text.trimEnd()}\n\n${list.join("\n")}` : text.trimEnd();
}

function withoutOwnReferences(text) {
  return ownReferences(text).reduceRight((left, [start, end]) => left.slice(0, start) + left.slice(end), text);
}
