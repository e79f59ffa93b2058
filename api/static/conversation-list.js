// The caller's kept conversations beside the open one: found, opened, renamed, exported, deleted.

import { deleteConversation, exportConversation, listConversations, renameConversation } from "./api.js";
import { button, element, sureButton } from "./dom.js";
import { saveFile } from "./download.js";

const SEARCH_PAUSE_MS = 250; // after the last key
const MAX_TITLE = 200; // the server's limit

export class ConversationList {
  /**
   * @param {Document} page  with the elements of index.html
   * @param {{open: (id: string) => void, deleted: (id: string) => void, say: (text: string) => void,
   *   makeRoom: () => void}} actions  `makeRoom` takes away what may stand in the list's place
   */
  constructor(page, actions) {
    this.actions = actions;
    this.panel = page.getElementById("history");
    this.toggle = page.getElementById("history-toggle");
    this.search = page.getElementById("history-search");
    this.entries = page.getElementById("history-entries");
    this.note = page.getElementById("history-note");
    this.more = page.getElementById("history-more");
    this.current = null; // id of the conversation that is open
    this.cursor = null;
    this.toggle.addEventListener("click", () => {
      const shown = this.panel.checkVisibility();
      if (!shown) this.actions.makeRoom();
      this.setOpen(!shown);
    });
    this.search.addEventListener("input", () => {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.refresh(), SEARCH_PAUSE_MS);
    });
    this.more.addEventListener("click", () => this.load(this.cursor));
    this.panel.addEventListener("keydown", (event) => this.keyPressed(event));
    page.addEventListener("pointerdown", ({ target }) => {
      if (isOverlay() && !this.panel.contains(target) && !this.toggle.contains(target)) this.setOpen(false, false);
    });
  }

  /** Shows the list, beside the conversation where there is room; called once the server is known to keep any. */
  begin() {
    this.toggle.hidden = false;
    if (!isOverlay()) this.setOpen(true, false);
    else this.refresh();
  }

  setOpen(open, focus = true) {
    this.panel.hidden = !open;
    this.toggle.ariaExpanded = String(open);
    document.body.classList.toggle("with-history", open);
    if (open) this.refresh();
    if (focus) (open ? this.search : this.toggle).focus();
  }

  setCurrent(id) {
    this.current = id;
    for (const entry of this.entries.children) this.markCurrent(entry);
  }

  markCurrent(entry) {
    const opener = entry.querySelector(".history-open");
    if (entry.dataset.id === this.current) opener?.setAttribute("aria-current", "true");
    else opener?.removeAttribute("aria-current");
  }

  refresh() {
    return this.load(null);
  }

  /** One page from `cursor` on; null begins anew. */
  async load(cursor) {
    this.request?.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    const search = this.search.value.trim();
    try {
      const found = await listConversations({ search, cursor }, signal);
      const entries = found.conversations.map((conversation) => this.entryOf(conversation));
      if (cursor === null) this.replaceEntries(entries);
      else this.entries.append(...entries);
      this.cursor = found.next_cursor;
      this.more.hidden = this.cursor === null;
      const none = search ? "No conversation holds these words." : "What you ask is kept here.";
      this.note.textContent = this.entries.childElementCount ? "" : none;
    } catch (problem) {
      if (!signal.aborted) this.tell(problem);
    }
  }

  /** The entry that is shown already, with whatever is being done in it, or a new one. */
  entryOf({ id, title }) {
    const shown = Array.from(this.entries.children).find((entry) => entry.dataset.id === id);
    return shown?.dataset.title === title ? shown : this.entry({ id, title });
  }

  replaceEntries(entries) {
    const focused = document.activeElement;
    this.entries.replaceChildren(...entries);
    if (this.entries.contains(focused)) focused.focus({ preventScroll: true });
  }

  entry({ id, title }) {
    const name = title || "Untitled";
    const opener = button(name, { class: "history-open", title: name }, () => {
      this.actions.open(id);
      if (isOverlay()) this.setOpen(false, false);
    });
    const label = `Rename, export or delete: ${name}`;
    const menu = button("⋯", { class: "quiet", "aria-label": label, title: "More", "aria-expanded": "false" }, () => {
      tools.hidden = !tools.hidden;
      menu.ariaExpanded = String(!tools.hidden);
    });
    const tools = element(
      "div",
      { class: "history-tools", hidden: true },
      button("Rename", { class: "quiet" }, () => this.rename(id, name, made)),
      button("Export", { class: "quiet" }, () => this.try(async () => saveFile(await exportConversation(id)))),
      sureButton("Delete", "Delete for good?", () => this.delete(id, name, made)),
    );
    const made = element("li", { "data-id": id, "data-title": title }, opener, menu, tools);
    this.markCurrent(made);
    return made;
  }

  /** Puts a field in place of the entry: Enter renames, Escape leaves the name. */
  rename(id, name, entry) {
    const field = element("input", { class: "history-name", value: name, maxlength: MAX_TITLE, "aria-label": "Title" });
    const form = element("form", { class: "history-rename" }, field);
    const end = (title) => {
      const renamed = this.entry({ id, title });
      entry.replaceWith(renamed);
      renamed.querySelector(".history-open").focus();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const title = field.value.trim();
      if (title === "" || title === name) end(name);
      else this.try(async () => end((await renameConversation(id, title)).title));
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      end(name);
    });
    entry.replaceChildren(form);
    field.select();
  }

  delete(id, name, entry) {
    return this.try(async () => {
      await deleteConversation(id);
      const next = entry.nextElementSibling ?? entry.previousElementSibling;
      entry.remove();
      (next?.querySelector(".history-open") ?? this.search).focus();
      this.actions.say(`Deleted: ${name}`);
      this.actions.deleted(id);
    });
  }

  async try(act) {
    try {
      await act();
      this.note.textContent = "";
    } catch (problem) {
      this.tell(problem);
    }
  }

  tell(problem) {
    this.note.textContent = problem.detail || problem.title || problem.message;
  }

  keyPressed(event) {
    if (event.key !== "Escape" || !isOverlay()) return;
    event.stopPropagation();
    this.setOpen(false);
  }
}

/** Whether the list lies over the conversation (narrow windows) instead of beside it. */
function isOverlay() {
  return matchMedia("(max-width: 72rem)").matches;
}
