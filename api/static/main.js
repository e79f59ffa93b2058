// Puts the page together: composer, conversation, source, collections, keys.

import { listCollections } from "./api.js";
import { answerAsText } from "./citations.js";
import { copyText } from "./clipboard.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { element } from "./dom.js";
import { placeIn } from "./place-address.js";
import { SourceView } from "./source-view.js";

const part = (id) => document.getElementById(id);
const turns = part("turns");
const collection = part("collection");
const source = new SourceView(document);

const composer = new Composer(document, {
  send: (question) => conversation.ask(question, collection.value || null),
  stop: () => conversation.stop(),
});

const conversation = new Conversation(turns, {
  openPlaces: openBeside,
  copy: copyAnswer,
  say: (text) => {
    part("status").textContent = text;
  },
  busy: (flag) => {
    composer.setBusy(flag);
    if (flag) showWelcome(false);
  },
});

/** Opens a source; the conversation gets narrower, yet what was clicked stays where it is. */
function openBeside(places, index, openers, opener) {
  const before = opener.getBoundingClientRect().top;
  const opened = source.open(places, index, openers, opener);
  turns.scrollTop += opener.getBoundingClientRect().top - before;
  return opened;
}

async function copyAnswer(answer, copied) {
  const done = await copyText(answerAsText(answer));
  copied.textContent = done ? "Copied" : "Copying is not allowed here";
  part("status").textContent = copied.textContent;
  setTimeout(() => {
    copied.textContent = "Copy";
  }, 1500);
}

part("new-conversation").addEventListener("click", () => {
  source.close();
  conversation.clear();
  showWelcome(true);
  composer.focus();
});

function showWelcome(shown) {
  part("welcome").hidden = !shown;
  part("new-conversation").hidden = shown;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const inSource = source.panel.contains(document.activeElement);
    if (source.isOpen && (inSource || !conversation.isBusy)) source.close();
    else conversation.stop();
  } else if (event.key === "/" && !event.target.closest("textarea, input, select")) {
    event.preventDefault();
    composer.focus();
  }
});

/** Opens the place that the address names, if it does. */
function openNamedPlace() {
  const place = placeIn(location.hash);
  if (place) source.openAlone(place);
}

addEventListener("hashchange", openNamedPlace);
openNamedPlace();

/** Fills the picker; while the service is still starting, says so and comes again. */
async function showCollections() {
  try {
    const names = await listCollections();
    collection.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    if (names.includes("default")) collection.value = "default";
    part("collection-label").hidden = names.length < 2;
    part("starting").textContent = names.length ? "" : "There are no documents yet: docqa ingest FOLDER adds some.";
  } catch (problem) {
    part("starting").textContent = problem.detail || problem.title;
    setTimeout(showCollections, 3000);
  }
}

showCollections();
