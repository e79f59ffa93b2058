// The words of an answer by where they were drafted from: a colour for each passage, one for all other texts, none for
// what the model wrote without a draft.

import { CodePoints } from "./code-points.js";
import { element } from "./dom.js";
import { unwrap } from "./text-leaves.js";

const COLOURS = 6; // in answer.css; passages beyond them begin anew

export class DraftedWords {
  /** @param {object} answer  as the server gives it @param {TextLeaves} leaves  of its rendered text */
  constructor({ answer, drafted, sources }, leaves) {
    this.points = new CodePoints(answer);
    this.drafted = drafted;
    this.sources = sources;
    this.length = Array.from(answer).length;
    this.leaves = leaves;
    this.words = [];
  }

  /** @returns {HTMLElement} what the colours mean */
  show() {
    for (const { span, passage } of this.drafted) {
      const [start, end] = span.map((offset) => this.points.toUnits(offset));
      const properties = { class: `drafted ${colourOf(passage)}`, title: `Drafted from ${this.nameOf(passage)}` };
      this.words.push(...this.leaves.wrap(start, end, () => element("span", properties)));
    }
    this.legend = this.legendOf();
    return this.legend;
  }

  hide() {
    unwrap(this.words);
    this.words = [];
    this.legend.remove();
  }

  nameOf(passage) {
    if (passage === null) return "other text";
    return `passage ${passage}, ${this.sources[passage - 1].title}`;
  }

  /** Each text with its share of the answer's characters; the largest first. */
  legendOf() {
    const shares = new Map();
    for (const { span, passage } of this.drafted) shares.set(passage, (shares.get(passage) ?? 0) + span[1] - span[0]);
    const alone = this.length - [...shares.values()].reduce((sum, share) => sum + share, 0);
    const entry = (colour, name, share) =>
      element("li", { class: colour }, `${name}: ${Math.round((100 * share) / this.length)}%`);
    const texts = [...shares].sort(([, one], [, other]) => other - one);
    return element(
      "ul",
      { class: "draft-legend", "aria-label": "Where the words were drafted from" },
      ...texts.map(([passage, share]) => entry(colourOf(passage), this.nameOf(passage), share)),
      entry("alone", "the model, without a draft", alone),
    );
  }
}

function colourOf(passage) {
  return passage === null ? "other" : `text-${((passage - 1) % COLOURS) + 1}`;
}
