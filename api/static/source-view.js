// The source beside the conversation: a document's canonical text, opened at a cited place.

import { fetchOriginal, originalAddress, readRevision } from "./api.js";
import { pageName, sectionName } from "./citations.js";
import { button, element } from "./dom.js";
import { saveFile } from "./download.js";
import { hasKey } from "./http.js";
import { RevisionText } from "./revision-text.js";

/** Event on an element in the conversation whose place was opened or closed; it then has the class `is-open` or not. */
export const OPENER_CHANGED = "openerchanged";

const KEPT_REVISIONS = 8; // recently shown ones, so that going back and forth is instant

export class SourceView {
  /** @param {Document} page  the page, with the elements of index.html */
  constructor(page) {
    const part = (name) => page.getElementById(name);
    this.panel = part("source");
    this.body = part("source-body");
    this.title = part("source-title");
    this.place = part("source-place");
    this.outline = part("outline");
    this.outlineButton = part("source-outline");
    this.original = part("source-original");
    this.stepper = part("source-stepper");
    this.count = part("source-count");
    this.previous = part("source-previous");
    this.next = part("source-next");
    this.revisions = new Map(); // "document/revision" -> promise of the RevisionText
    this.shown = null; // the RevisionText in the body
    this.places = [];
    this.index = 0;
    this.openers = []; // for each place the element in the conversation that stands for it
    this.opener = null; // the one whose place is shown; gets the focus back

    this.previous.addEventListener("click", () => this.step(-1));
    this.next.addEventListener("click", () => this.step(1));
    this.outlineButton.addEventListener("click", () => this.toggleOutline());
    this.original.addEventListener("click", (event) => this.openOriginal(event));
    part("source-close").addEventListener("click", () => this.close());
    this.body.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.panel.addEventListener("keydown", (event) => this.keyPressed(event));
    page.addEventListener("pointerdown", ({ target }) => {
      if (isOverlay() && !this.panel.contains(target)) this.close();
    });
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /**
   * Opens `places[index]`: {document, revision, span, title, section_path, page}. The others are a step away.
   * `openers` are the elements in the conversation that stand for them, `opener` the one that was used.
   */
  async open(places, index, openers, opener) {
    this.places = places;
    this.openers = openers;
    this.setOpener(opener);
    this.panel.hidden = false;
    document.body.classList.add("with-source");
    document.getElementById("conversation").inert = isOverlay();
    await this.show(index);
    this.focusWords();
  }

  /** Opens a place of which only document, revision and span are known, from nowhere in the conversation. */
  async openAlone(place) {
    await this.open([{ ...place, title: "", section_path: [], page: null }], 0, [], null);
    const [shown, known] = [this.shown, this.places[0]];
    if (!shown || !this.isOpen || known.document !== place.document) return;
    Object.assign(known, shown.marks.length ? shown.placeOf(shown.marks[0]) : {}, { title: shown.title });
    this.title.textContent = known.title;
    this.tellPlace(known.revision, known);
    this.tellOriginal(known.page);
  }

  close() {
    if (!this.isOpen) return;
    this.panel.hidden = true;
    document.body.classList.remove("with-source");
    document.getElementById("conversation").inert = false;
    this.request?.abort();
    const opener = this.opener;
    this.setOpener(null);
    opener?.focus({ preventScroll: true });
  }

  async step(by) {
    const index = this.index + by;
    if (index < 0 || index >= this.places.length) return;
    this.setOpener(this.openers[index] ?? this.opener);
    if (!isOverlay()) this.opener.scrollIntoView({ block: "nearest" });
    const inText = this.body.contains(document.activeElement);
    if (inText) this.body.focus({ preventScroll: true }); // the text may be exchanged: keys still arrive here
    await this.show(index);
    if (inText || document.activeElement.disabled) this.focusWords(); // what had the focus is gone
  }

  focusWords() {
    const target = this.shown?.marks[0] ?? this.body;
    if (this.isOpen) target.focus({ preventScroll: true });
  }

  async show(index) {
    const place = this.places[index];
    this.index = index;
    this.stepper.hidden = this.places.length < 2;
    this.count.textContent = `${index + 1} of ${this.places.length}`;
    this.previous.disabled = index === 0;
    this.next.disabled = index === this.places.length - 1;
    this.title.textContent = place.title;
    this.original.hidden = true;
    this.tellPlace(place.revision, place);
    const text = await this.load(place);
    if (!text || this.places[this.index] !== place || !this.isOpen) return;
    if (this.shown !== text) {
      this.shown?.clearMarks();
      this.shown = text;
      this.closeOutline();
      this.body.replaceChildren(text.root);
    }
    this.outlineButton.hidden = text.sections.length === 0;
    this.original.hidden = !text.hasOriginal;
    this.tellOriginal(place.page);
    text.mark(place.span);
    await this.centre();
  }

  /** The text of the place's revision; null when it cannot be had, and then the body says why. */
  async load(place) {
    const key = `${place.document}/${place.revision}`;
    const known = this.revisions.get(key);
    if (known) return known;
    this.request?.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    this.shown = null;
    this.body.replaceChildren(element("p", { class: "opening" }, "Opening the document"));
    try {
      const text = new RevisionText(await readRevision(place.document, place.revision, signal));
      this.revisions.set(key, text);
      if (this.revisions.size > KEPT_REVISIONS) this.revisions.delete(this.revisions.keys().next().value);
      return text;
    } catch (problem) {
      if (signal.aborted) return null;
      const again = button("Try again", { class: "quiet" }, () => this.show(this.index));
      this.body.replaceChildren(
        element(
          "div",
          { class: "problem" },
          element("p", { class: "problem-title" }, problem.title ?? "The document cannot be shown"),
          element("p", {}, problem.detail ?? problem.message),
          again,
        ),
      );
      return null;
    }
  }

  /**
   * Brings the marked words to the middle, or their beginning to the upper part when they are taller than the view.
   * Heights of text not yet laid out are estimates: correct until the words stay where they should be.
   */
  async centre() {
    const { marks } = this.shown;
    if (!marks.length) {
      this.body.scrollTop = 0;
      return;
    }
    for (let round = 0, still = 0; round < 12 && still < 2; round += 1) {
      const view = this.body.getBoundingClientRect();
      const top = marks[0].getBoundingClientRect().top;
      const height = marks.at(-1).getBoundingClientRect().bottom - top;
      const wanted = height < view.height * 0.7 ? (view.height - height) / 2 : view.height * 0.15;
      const before = this.body.scrollTop;
      this.body.scrollTop += top - view.top - wanted;
      still = Math.abs(this.body.scrollTop - before) < 1 ? still + 1 : 0;
      await nextLayout();
      if (!marks[0].isConnected) return; // something else was opened meanwhile
    }
  }

  /** Keeps the header at what is being read: the citation while it is in view, else what stands in the middle. */
  scrolled() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.shown || !this.isOpen) return;
      const { top, bottom, left, width } = this.body.getBoundingClientRect();
      const mark = this.shown.marks[0]?.getBoundingClientRect();
      const place = this.places[this.index];
      if (mark && mark.bottom > top && mark.top < bottom) {
        this.tellPlace(place.revision, place);
        return;
      }
      const middle = document.elementFromPoint(left + width / 2, (top + bottom) / 2);
      const found = this.shown.placeOf(middle);
      if (found) this.tellPlace(place.revision, { ...found, title: this.shown.title });
    });
  }

  /** Has the link lead to this page of the file. */
  tellOriginal(page) {
    this.original.href = originalAddress({ ...this.places[this.index], page });
    this.original.textContent = page ? `Original, page ${page}` : "Original";
  }

  /** A link goes without the key that the reader came with: then the file is fetched and saved. */
  async openOriginal(event) {
    if (!hasKey()) return;
    event.preventDefault();
    try {
      saveFile(await fetchOriginal(this.places[this.index]));
    } catch (problem) {
      this.place.textContent = problem.detail || problem.title || problem.message;
    }
  }

  tellPlace(revision, place) {
    const parts = [`Revision ${revision}`, sectionName(place), pageName(place.page)];
    this.place.textContent = parts.filter((text) => text !== "").join(" · ");
  }

  toggleOutline() {
    if (!this.outline.hidden) {
      this.closeOutline();
      return;
    }
    const here = this.shown;
    const entries = here.sections.map((section) =>
      button(section.path.at(-1), { class: `outline-entry level-${section.path.length}` }, () => {
        this.closeOutline();
        here.elementAt(section.span[0])?.scrollIntoView({ block: "start" });
        this.body.focus({ preventScroll: true });
      }),
    );
    this.outline.replaceChildren(...entries);
    this.outline.hidden = false;
    this.outlineButton.ariaExpanded = "true";
    entries[0]?.focus();
  }

  closeOutline() {
    this.outline.hidden = true;
    this.outlineButton.ariaExpanded = "false";
    this.outline.replaceChildren();
  }

  /** Shows in the conversation what is open. */
  setOpener(opener) {
    const before = this.opener;
    this.opener = opener;
    before?.classList.remove("is-open");
    opener?.classList.add("is-open");
    for (const changed of new Set([before, opener])) changed?.dispatchEvent(new Event(OPENER_CHANGED));
  }

  keyPressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") this.step(1);
    if (event.key === "p") this.step(-1);
    if (event.key === "Escape" && !this.outline.hidden) {
      event.stopPropagation();
      this.closeOutline();
      this.outlineButton.focus();
    }
  }
}

/** Resolves once a frame is laid out: what scrolled into view gets its true height after the frame's callbacks. */
async function nextLayout() {
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
}

/** Whether the source lies over the conversation (narrow windows) instead of beside it. */
function isOverlay() {
  return matchMedia("(max-width: 60rem)").matches;
}
