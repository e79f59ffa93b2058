// The chat in a frame of another site's page. That page gives it a key, opens and closes it, and learns nothing else.

import { readSession } from "./api.js";
import { answerAsText } from "./citations.js";
import { copyText } from "./clipboard.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { useKey } from "./http.js";
import { placeFragment } from "./place-address.js";

const part = (id) => document.getElementById(id);
const say = (text) => {
  part("status").textContent = text;
};

let collection = null; // the one that the key opens

const composer = new Composer(document, {
  send: (question) => conversation.ask(question, collection),
  stop: () => conversation.stop(),
});

const conversation = new Conversation(part("turns"), {
  openPlaces: (places, index) => window.open(`./${placeFragment(places[index])}`, "_blank", "noopener"),
  copy: async (answer, copied) => {
    copied.textContent = (await copyText(answerAsText(answer))) ? "Copied" : "Copying is not allowed here";
    say(copied.textContent);
  },
  say,
  busy: (flag) => {
    composer.setBusy(flag);
    if (flag) showWelcome(false);
  },
});

function showWelcome(shown) {
  part("welcome").hidden = !shown;
  part("new-conversation").hidden = shown;
}

function close() {
  conversation.stop();
  tell("docqa:close");
}

/** Finds out what the key opens. */
async function begin() {
  try {
    const { caller } = await readSession();
    if (caller?.collections?.length !== 1) throw new Error("This key is not one for the pages of other sites.");
    [collection] = caller.collections;
  } catch (problem) {
    part("starting").textContent = problem.detail || problem.message;
  }
}

/** What is said here is no secret: browsers show this frame only where its key allows it, yet know the page by no name. */
function tell(type) {
  window.parent.postMessage({ type }, "*");
}

part("close").addEventListener("click", close);
part("new-conversation").addEventListener("click", () => {
  conversation.clear();
  showWelcome(true);
  composer.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (conversation.isBusy) conversation.stop();
  else close();
});

addEventListener("message", ({ source, data }) => {
  if (source !== window.parent) return;
  if (data?.type === "docqa:key") {
    useKey(String(data.key));
    part("label").textContent = String(data.label);
    begin();
  } else if (data?.type === "docqa:open") composer.focus();
});
tell("docqa:ready");
