// One question with its answer, from "searching" to the last citation.

import { citationPlace, citationsInOrder, indexOfSpot, ownReferences } from "./citations.js";
import { CodePoints } from "./code-points.js";
import { button, element, moment } from "./dom.js";
import { DraftedWords } from "./drafted-words.js";
import { feedbackForm } from "./feedback-form.js";
import { MarkdownView } from "./markdown-dom.js";
import { citedList, nearestList, sourceStrip } from "./passage-lists.js";
import { OPENER_CHANGED } from "./source-view.js";

const STATUS_WORDS = {
  quoted: "quoted",
  supported: "supported",
  unsupported: "not found in the documents",
  verified: "verified by its owner",
};

const DRAFTS_NOTE = "Colours the words by where they were drafted from";
const QUOTED_NOTE = "Quoted from the documents, not worded by the model.";

export class AnswerView {
  /**
   * @param {string} question
   * @param {{openPlaces: Function, copy: Function, again: Function, rate: ?Function}} actions
   *   `openPlaces(places, index, openers, opener)`: see SourceView.open; `rate`: see feedbackForm
   */
  constructor(question, actions) {
    this.actions = actions;
    this.text = "";
    this.frame = null; // the animation frame in which the text will next be drawn
    this.strip = element("div", { class: "found" });
    this.prose = element("div", { class: "prose" });
    this.progress = element("p", { class: "progress" }, "Searching the documents");
    this.end = element("div", { class: "end" });
    this.footer = element("footer", { class: "turn-foot" });
    const title = element("h2", { class: "question" }, question);
    const body = element("div", { class: "answer" }, this.strip, this.prose, this.progress, this.end, this.footer);
    this.element = element("article", { class: "turn", "aria-busy": "true" }, title, body);
    this.markdown = new MarkdownView(this.prose);
  }

  showSources(sources) {
    if (sources.length) this.strip.replaceChildren(sourceStrip(sources, this.actions.openPlaces));
    this.progress.textContent = sources.length === 1 ? "Reading 1 passage" : `Reading ${sources.length} passages`;
  }

  append(text) {
    this.text += text;
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    this.progress.hidden = this.text !== "";
    this.element.classList.toggle("streaming", this.text !== "" && this.element.ariaBusy === "true");
    this.markdown.update(this.text);
  }

  /** `rating`: what the reader thought of it before, "up" or "down". */
  finish(answer, rating = null) {
    this.settle();
    this.text = answer.answer;
    if (answer.abstained) this.showAbstention(answer);
    else this.showAnswer(answer);
    const copy = button("Copy", { class: "quiet copy" }, () => this.actions.copy(answer, copy));
    const drafted = answer.abstained || !answer.drafted?.length ? [] : [this.draftsButton(answer)];
    this.showFoot(answer.abstained ? [] : [copy, ...drafted], "Try again", statsLine(answer.stats));
    if (this.actions.rate) this.footer.append(...feedbackForm(answer.id, rating, this.actions.rate));
  }

  /** What was kept of it: the whole `answer`, or the `text` until it was stopped. */
  restore(text, answer, rating) {
    this.text = text;
    if (answer === null) {
      this.stop();
      return;
    }
    this.showSources(answer.sources);
    this.finish(answer, rating);
  }

  /** The person stopped it: what there is stays. */
  stop() {
    this.settle();
    this.draw();
    this.progress.hidden = true;
    this.end.replaceChildren(element("p", { class: "note" }, "Stopped."));
    this.showFoot([], "Ask again", "");
  }

  /** Shows why there is no answer; a refused request may be sent again once its waiting time is over. */
  fail(problem) {
    this.settle();
    this.draw();
    this.progress.hidden = true;
    const title = element("p", { class: "problem-title" }, problem.title);
    const detail = problem.detail ? element("p", {}, problem.detail) : null;
    const wait = problem.retryAfter === null ? null : element("p", { class: "wait" });
    this.end.replaceChildren(element("div", { class: "problem" }, title, detail, wait));
    this.showFoot([], "Ask again", "");
    if (wait) countDown(wait, this.footer.querySelector(".again"), problem.retryAfter);
  }

  settle() {
    this.element.ariaBusy = "false";
  }

  showAnswer(answer) {
    this.draw();
    const citations = citationsInOrder(answer);
    const openers = []; // for each citation the first marker that stands for it
    const open = (citation, opener) => {
      this.actions.openPlaces(citations, indexOfSpot(citations, citation), openers, opener);
    };
    for (const [start, end] of ownReferences(answer.answer)) {
      this.markdown.leaves.wrap(start, end, () => element("span", { hidden: true }));
    }
    const points = new CodePoints(answer.answer);
    for (const sentence of answer.sentences) {
      const markers = this.decorate(sentence, points, open);
      for (const citation of sentence.citations) {
        openers[indexOfSpot(citations, citation)] ??= markers.get(citation.passage);
      }
    }
    const cited = new Set(citations.map((citation) => String(citation.passage)));
    for (const card of this.strip.querySelectorAll(".card"))
      card.classList.toggle("used", cited.has(card.dataset.number));
    this.strip.classList.add("settled");
    this.end.replaceChildren(
      ...curatedMark(answer.curated),
      ...(answer.origin === "quotes" ? [element("p", { class: "note" }, QUOTED_NOTE)] : []),
      ...(answer.finish_reason === "length" ? [element("p", { class: "note" }, "Cut at the length limit.")] : []),
      verdicts(answer.sentences),
      ...(citations.length ? [citedList(answer, open)] : []),
    );
  }

  /** Marks one sentence with its status and puts its citation numbers after it; returns these by passage. */
  decorate({ span, status, citations }, points, open) {
    const start = points.toUnits(span[0]);
    const words = this.text.slice(start, points.toUnits(span[1])).trimEnd();
    const end = start + words.length;
    const lastWord = end - words.match(/\S*$/)[0].length;
    const wrap = (from, to) =>
      this.markdown.leaves.wrap(from, to, () => element("span", { class: `sentence ${status}` }));
    const parts = [...wrap(start, lastWord), ...wrap(lastWord, end)];
    const markers = new Map(); // the first citation of each passage stands for it
    for (const citation of citations) {
      if (!markers.has(citation.passage)) markers.set(citation.passage, citationMarker(citation, status, open, parts));
    }
    const doubt = status === "unsupported" ? [doubtMarker()] : [];
    if (parts.length) attach(parts.at(-1), [...markers.values(), ...doubt]);
    return markers;
  }

  /** Colours the words by the text from which they were drafted, and takes the colours away again. */
  draftsButton(answer) {
    const view = new DraftedWords(answer, this.markdown.leaves);
    const toggle = button("Drafts", { class: "quiet", "aria-pressed": "false", title: DRAFTS_NOTE }, () => {
      const shown = toggle.ariaPressed !== "true";
      toggle.ariaPressed = String(shown);
      if (shown) this.prose.after(view.show());
      else view.hide();
    });
    return toggle;
  }

  /** What the model may have written is backed by nothing: it is there for the curious, folded away. */
  showAbstention(answer) {
    const own = answer.sentences.length === 0; // the service's own words, which say why
    this.prose.hidden = true;
    this.progress.hidden = true;
    this.strip.replaceChildren();
    this.element.classList.add("abstained");
    this.end.replaceChildren(
      ...curatedMark(answer.curated),
      element("p", { class: "abstention" }, "Not in the documents"),
      ...(own ? [element("p", { class: "abstention-text" }, answer.answer)] : []),
      ...(answer.nearest.length
        ? [element("p", { class: "note" }, "Nearest sections"), nearestList(answer.nearest, this.actions.openPlaces)]
        : []),
      ...(own
        ? []
        : [
            element(
              "details",
              { class: "note" },
              element("summary", {}, "What the model wrote, backed by no passage"),
              answer.answer,
            ),
          ]),
    );
  }

  showFoot(buttons, againLabel, stats) {
    const again = button(againLabel, { class: "quiet again" }, () => this.actions.again());
    this.element.classList.remove("streaming");
    this.footer.replaceChildren(...buttons, again, element("span", { class: "stats" }, stats));
  }
}

/** Puts markers behind `last`, out of the code or link it may end in, and keeps them on one line with a short word. */
function attach(last, markers) {
  let word = last;
  while (word.parentElement.matches("code, a, .link, em, strong, del") && !word.parentElement.closest("pre")) {
    word = word.parentElement;
  }
  if (markers.length && word.textContent.length < 24) {
    const tail = element("span", { class: "tail" });
    word.replaceWith(tail);
    tail.append(word, ...markers);
  } else word.after(...markers);
}

/** A citation's number; the sentence's parts light up while it is pointed at, focused or open. */
function citationMarker(citation, status, open, parts) {
  const where = `${citation.title}, ${citationPlace(citation)}`;
  const marker = button(
    String(citation.passage),
    {
      class: `marker ${status}`,
      title: where,
      "aria-label": `Citation ${citation.passage}, ${STATUS_WORDS[status]}: ${where}`,
    },
    () => open(citation, marker),
  );
  const light = () => {
    const lit = marker.matches(":hover, :focus-visible, .is-open");
    for (const part of parts) part.classList.toggle("lit", lit);
  };
  for (const event of ["pointerenter", "pointerleave", "focus", "blur", OPENER_CHANGED]) {
    marker.addEventListener(event, light);
  }
  return marker;
}

function doubtMarker() {
  const words = "Not found in the documents";
  return element("span", { class: "marker unsupported", role: "img", title: words, "aria-label": words }, "?");
}

/** How many sentences stand in the documents word for word, in substance, or not at all. */
function verdicts(sentences) {
  const line = element("p", { class: "verdicts" });
  for (const [status, words] of Object.entries(STATUS_WORDS)) {
    const count = sentences.filter((sentence) => sentence.status === status).length;
    if (count) line.append(element("span", { class: `verdict ${status}` }, `${count} ${words}`));
  }
  return line;
}

/** That a person vouches for the answer, or once did for another one. */
function curatedMark(curated) {
  if (!curated) return [];
  const day = moment(curated.verified_at, { withTime: false });
  if (curated.freshness === "current") {
    return [element("p", { class: "curated-mark" }, `Verified by ${curated.owner} on `, day)];
  }
  const why = curated.freshness === "stale" ? "a document it cites has changed since" : "its time is over";
  const words = [`${curated.owner} verified an answer on `, day, `, but ${why}. This one is from the documents.`];
  return [element("p", { class: "note" }, ...words)];
}

function statsLine(stats) {
  if (stats.output_tokens === 0) return "";
  const parts = [`first token after ${stats.ttft_s.toFixed(1)} s`];
  // Where the prompt's own pass confirmed the whole answer there is no speed to tell.
  if (stats.decode_tokens_per_s) parts.unshift(`${stats.decode_tokens_per_s.toFixed(1)} tokens/s`);
  if (stats.drafted_tokens) {
    parts.push(`${Math.round((100 * stats.accepted_tokens) / stats.drafted_tokens)}% of the draft accepted`);
  }
  if (stats.target_steps) parts.push(`${(stats.output_tokens / stats.target_steps).toFixed(1)} tokens per step`);
  return parts.join(" · ");
}

/** Says each second how long to wait, and gives `again` free at the end. */
function countDown(line, again, seconds) {
  const tick = (left) => {
    again.disabled = left > 0;
    line.textContent = left > 0 ? `You can ask again in ${left} s.` : "You can ask again now.";
    if (left > 0 && line.isConnected) setTimeout(() => tick(left - 1), 1000);
  };
  tick(Math.max(0, seconds));
}
