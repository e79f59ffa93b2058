// Lists of places in the documents: the strip of passages found, the cited ones, the nearest sections.

import { citationPlace, citedPassages, pageName, passagePlace, sectionPath } from "./citations.js";
import { element } from "./dom.js";
import { plainWords } from "./markdown-text.js";

/** A passage as something the source view can open. */
export function placeOf(passage) {
  return { ...passage, page: passage.pages ? passage.pages[0] : null };
}

/** The passages found, one line of small cards. `open(places, index, openers, opener)` shows one. */
export function sourceStrip(sources, open) {
  const places = sources.map(placeOf);
  const cards = sources.map((source, index) => {
    const card = element(
      "button",
      {
        type: "button",
        class: "card",
        "data-number": source.number,
        title: `${source.title} · ${passagePlace(source)}`,
      },
      element("span", { class: "number" }, String(source.number)),
      element("span", { class: "card-title" }, source.title),
      element("span", { class: "card-place" }, ...shortPlace(source)),
    );
    card.addEventListener("click", () => open(places, index, cards, card));
    return card;
  });
  return listOf("ul", { class: "strip", "aria-label": "Passages found" }, cards);
}

/** The innermost section and the page: what fits on a card. */
function shortPlace(passage) {
  const section = sectionPath(passage).at(-1) ?? "";
  const page = passage.pages ? pageName(...passage.pages) : "";
  const parts = [section, page].filter((part) => part !== "");
  return (parts.length ? parts : [passage.source]).map((part) => element("span", {}, part));
}

/** Chapter and verse of each passage that the answer cites. `open(citation, opener)` shows one. */
export function citedList(answer, open) {
  const entries = citedPassages(answer).map((citation) => {
    const entry = element(
      "button",
      { type: "button", class: "entry" },
      element("span", { class: "number" }, String(citation.passage)),
      element("span", { class: "entry-title" }, citation.title),
      element("span", { class: "entry-place" }, citationPlace(citation)),
      element("q", {}, plainWords(citation.quote)),
    );
    entry.addEventListener("click", () => open(citation, entry));
    return entry;
  });
  return listOf("ol", { class: "cited", "aria-label": "Citations" }, entries);
}

/** Sections that come nearest to a question the documents do not answer. */
export function nearestList(nearest, open) {
  const places = nearest.map(placeOf);
  const entries = nearest.map((passage, index) => {
    const entry = element(
      "button",
      { type: "button", class: "entry" },
      element("span", { class: "entry-title" }, passage.title),
      element("span", { class: "entry-place" }, passagePlace(passage) || passage.source),
    );
    entry.addEventListener("click", () => open(places, index, entries, entry));
    return entry;
  });
  return listOf("ul", { class: "nearest", "aria-label": "Nearest sections" }, entries);
}

function listOf(tag, properties, entries) {
  return element(tag, properties, ...entries.map((entry) => element("li", {}, entry)));
}
