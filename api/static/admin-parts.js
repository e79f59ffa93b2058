// What the administration pages have in common: lists that come in pages, forms, and the server's words when it refuses.

import { button, element } from "./dom.js";

/** The server's words for why something failed. */
export function reasonOf(problem) {
  return problem.detail || problem.title || problem.message;
}

/** A line of text that screen readers read out when it changes. */
export function statusLine() {
  return element("p", { class: "told", role: "status" });
}

/** Runs `act`, with the button that was used resting meanwhile; what went wrong goes into `line`. @returns whether it worked */
export async function attempt(line, act, used = null) {
  if (used) used.disabled = true;
  try {
    line.textContent = "";
    await act();
    return true;
  } catch (problem) {
    line.textContent = reasonOf(problem);
    return false;
  } finally {
    if (used) used.disabled = false;
  }
}

/**
 * A list that grows by a page at a time.
 * @param {HTMLElement} entries  the element that gets the entries
 * @param {(cursor: string|null) => Promise<{items: object[], next: string|null}>} fetch
 * @param {(item: object) => HTMLElement} entry
 * @param {string} none  what is said where there is nothing
 * @returns {{elements: HTMLElement[], reload: () => Promise<void>, note: (text: string) => void}}
 */
export function pagedList(entries, fetch, entry, none) {
  let cursor = null;
  const line = statusLine();
  const more = button("Show more", { class: "quiet", hidden: true }, () => load());
  async function load() {
    await attempt(line, async () => {
      const { items, next } = await fetch(cursor);
      entries.append(...items.map(entry));
      cursor = next;
      more.hidden = next === null;
      if (!entries.childElementCount) line.textContent = none;
    });
  }
  async function reload() {
    cursor = null;
    entries.replaceChildren();
    await load();
  }
  const note = (text) => {
    line.textContent = text;
  };
  return { elements: [entries, line, more], reload, note };
}

/** A table with a heading for each column; `body` gets the rows. */
export function table(label, headings) {
  const body = element("tbody");
  const cells = headings.map((heading) => element("th", { scope: "col" }, heading));
  const head = element("thead", {}, element("tr", {}, ...cells));
  const made = element("table", { "aria-label": label }, head, body);
  return { element: element("div", { class: "table", tabindex: 0, role: "region", "aria-label": label }, made), body };
}

export function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
}

/** A control under its label. */
export function field(label, control, hint = null) {
  return element("label", {}, label, control, hint && element("span", { class: "hint-line" }, hint));
}

export function select(name, choices, chosen = null) {
  const options = choices.map(([value, words]) => element("option", { value, selected: value === chosen }, words));
  return element("select", { name }, ...options);
}

/** A number as the reader writes it. */
export function amount(number) {
  return number.toLocaleString();
}

/** "1 question", "2 questions". */
export function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
