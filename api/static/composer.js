// The field in which questions are written, and its button, which sends or stops.

import { countPoints } from "./code-points.js";

export const QUESTION_LIMIT = 2000; // code points; the server's limit

export class Composer {
  /** @param {{send: (question: string) => void, stop: () => void}} actions */
  constructor(page, actions) {
    this.actions = actions;
    this.form = page.getElementById("composer");
    this.field = page.getElementById("question");
    this.button = page.getElementById("send");
    this.length = page.getElementById("length");
    this.busy = false;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.busy) this.actions.stop();
      else this.send();
    });
    this.field.addEventListener("input", () => this.changed());
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      if (!this.busy) this.send();
    });
    this.changed();
  }

  focus() {
    this.field.focus();
  }

  setBusy(busy) {
    this.busy = busy;
    this.form.classList.toggle("busy", busy);
    this.button.ariaLabel = busy ? "Stop" : "Send";
    this.button.title = busy ? "Stop (Esc)" : "Send (Enter)";
    this.changed();
  }

  send() {
    const question = this.field.value.trim();
    if (question === "" || countPoints(question) > QUESTION_LIMIT) return;
    this.field.value = "";
    this.changed();
    this.actions.send(question);
  }

  changed() {
    const question = this.field.value.trim();
    const excess = countPoints(question) - QUESTION_LIMIT;
    this.length.textContent = excess > 0 ? `${excess} characters too long` : "";
    this.button.disabled = !this.busy && (question === "" || excess > 0);
    this.field.style.height = "auto"; // grows with its text, up to the height that the style sheet allows
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}
