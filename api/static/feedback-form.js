// Whether an answer helped: thumbs, and for the lower one what was wrong with it.

import { element, icon } from "./dom.js";

const REASONS = {
  wrong: "It is wrong",
  incomplete: "Something is missing",
  not_found: "It is in the documents, but was not found",
  wrong_source: "The source does not say that",
  outdated: "It is out of date",
  unclear: "It is hard to understand",
  other: "Something else",
};
const MAX_COMMENT = 2000; // the server's limit

const UP = "M7 9v8H4V9zm0 0 3-6c1.2 0 2 .9 2 2v3h4.2a1.3 1.3 0 0 1 1.3 1.6l-1.4 6a1.8 1.8 0 0 1-1.8 1.4H7";
const DOWN = "M7 11V3H4v8zm0 0 3 6c1.2 0 2-.9 2-2v-3h4.2a1.3 1.3 0 0 0 1.3-1.6l-1.4-6A1.8 1.8 0 0 0 14.3 3H7";

/**
 * @param {string} answer  its id
 * @param {"up"|"down"|null} given  what the reader thought of it before
 * @param {(opinion) => Promise<void>} rate  sends `{answer, rating, reason, comment}`; throws a Problem
 * @returns {HTMLElement[]} the thumbs, a line that tells what became of it, and the form, for now hidden
 */
export function feedbackForm(answer, given, rate) {
  const told = element("span", { class: "told", role: "status" });
  const reason = element("select", { name: "reason" }, ...options());
  const comment = element("textarea", { name: "comment", rows: 2, maxlength: MAX_COMMENT });
  const form = element(
    "form",
    { class: "opinion", hidden: true, "aria-label": "What was wrong" },
    element("label", {}, "What was wrong?", reason),
    element("label", {}, "Comment (optional)", comment),
    element("button", { class: "action" }, "Send"),
  );
  const thumbs = element(
    "span",
    { class: "thumbs", role: "group", "aria-label": "Did this answer help?" },
    thumb("up", "Helpful", UP),
    thumb("down", "Not helpful", DOWN),
  );

  function thumb(rating, label, path) {
    const made = element(
      "button",
      { type: "button", class: "quiet", "aria-label": label, title: label, "aria-pressed": String(rating === given) },
      icon(path),
    );
    made.addEventListener("click", () => press(rating, made));
    return made;
  }

  async function press(rating, pressed) {
    form.hidden = rating === "up";
    if (!(await give({ answer, rating }))) return;
    for (const other of thumbs.children) other.ariaPressed = String(other === pressed);
    if (form.hidden) return;
    form.scrollIntoView({ block: "nearest" });
    reason.focus({ preventScroll: true });
  }

  async function give(opinion) {
    try {
      await rate(opinion);
      told.textContent = "Thank you.";
      return true;
    } catch (problem) {
      told.textContent = `Not sent: ${problem.detail || problem.title || problem.message}`;
      return false;
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const opinion = { answer, rating: "down", reason: reason.value || null, comment: comment.value.trim() };
    form.hidden = await give(opinion);
    if (form.hidden) thumbs.lastElementChild.focus();
  });
  return [thumbs, told, form];
}

function options() {
  const choices = Object.entries(REASONS).map(([value, words]) => element("option", { value }, words));
  return [element("option", { value: "" }, "Choose a reason"), ...choices];
}
