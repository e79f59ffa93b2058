// One revision of a document, rendered: finds places in it and marks cited words.

import { CodePoints } from "./code-points.js";
import { element } from "./dom.js";
import { MarkdownView } from "./markdown-dom.js";
import { unwrap } from "./text-leaves.js";

export class RevisionText {
  /** @param {{title, text, sections, pages}} revision  as the server gives it; offsets in code points */
  constructor({ title, text, sections, pages, original }) {
    this.title = title;
    this.hasOriginal = original;
    this.sections = sections;
    this.pages = pages;
    this.points = new CodePoints(text);
    this.root = element("div", { class: "prose document" });
    this.marks = [];
    this.view = new MarkdownView(this.root);
    this.view.update(text);
    this.startOf = new Map(this.view.blocks.map((block) => [block.element, block.start]));
    this.drawPageBreaks();
  }

  /** Highlights the words of `span` (code points) and scrolls nothing. Earlier marks are taken away. */
  mark([start, end]) {
    this.clearMarks();
    this.marks = this.view.leaves.wrap(this.points.toUnits(start), this.points.toUnits(end), () => element("mark"));
    this.marks[0]?.setAttribute("tabindex", "-1"); // reading aloud starts here
  }

  clearMarks() {
    unwrap(this.marks);
    this.marks = [];
  }

  /** The element of the block that holds the code point at `offset`, or of the first one after it. */
  elementAt(offset) {
    return this.view.blockAt(this.points.toUnits(offset))?.element;
  }

  /** Section path and page of the block that `inner` belongs to; null outside the text. */
  placeOf(inner) {
    let block = inner;
    while (block && block.parentElement !== this.root) block = block.parentElement;
    const start = this.startOf.get(block);
    if (start === undefined) return null;
    const offset = this.points.toPoints(start);
    return { section_path: this.sectionPathAt(offset), page: this.pageAt(offset) };
  }

  /** Path of the innermost section that holds `offset`; sections come sorted, outer before inner. */
  sectionPathAt(offset) {
    let path = [];
    for (const section of this.sections) {
      if (section.span[0] > offset) break;
      if (offset < section.span[1]) path = section.path;
    }
    return path;
  }

  /** One-based page that holds `offset`; null for a document without pages. */
  pageAt(offset) {
    return this.pages.length ? Math.max(1, this.pages.filter((start) => start <= offset).length) : null;
  }

  /** A line with the page's number before the first block that begins on it. */
  drawPageBreaks() {
    let page = 1;
    for (const { element: shown, start } of this.view.blocks) {
      const offset = this.points.toPoints(start);
      const before = page;
      while (page < this.pages.length && this.pages[page] <= offset) page += 1;
      if (page === before) continue;
      shown.before(
        element("div", { class: "page-break", role: "separator", "aria-label": `Page ${page}`, "data-page": page }),
      );
    }
  }
}
