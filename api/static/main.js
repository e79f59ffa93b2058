// Puts the page together: composer, conversation, kept conversations, source, collections, keys.

import { accountLine, administers, resumeKey, signInPanel } from "./account.js";
import { createConversation, giveFeedback, listCollections, readConversation, readSession } from "./api.js";
import { answerAsText } from "./citations.js";
import { copyText } from "./clipboard.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { ConversationList } from "./conversation-list.js";
import { element } from "./dom.js";
import { conversationFragment, conversationIn, placeIn } from "./place-address.js";
import { SourceView } from "./source-view.js";

const RETRY_MS = 3000; // while the service starts

const part = (id) => document.getElementById(id);
const turns = part("turns");
const collection = part("collection");
const source = new SourceView(document);
const say = (text) => {
  part("status").textContent = text;
};

const composer = new Composer(document, {
  send: (question) => conversation.ask(question, collection.value || null),
  stop: () => conversation.stop(),
});

const conversation = new Conversation(turns, {
  openPlaces: openBeside,
  copy: copyAnswer,
  rate: giveFeedback,
  begin: beginConversation,
  say,
  busy: (flag) => {
    composer.setBusy(flag);
    if (flag) showWelcome(false);
    else if (conversation.id !== null) list.refresh();
  },
});

const list = new ConversationList(document, {
  open: (id) => {
    location.hash = conversationFragment(id);
    openNamed(); // also where the address already was that one
  },
  deleted: (id) => {
    if (id === conversation.id) beginAnew();
  },
  say,
  makeRoom: () => {
    if (matchMedia("(max-width: 100rem)").matches) source.close();
  },
});

let session = null; // promise of who the server takes the reader for

function whoReads() {
  session ??= readSession().catch((problem) => {
    session = null; // the next one tries again
    throw problem;
  });
  return session;
}

/** Has the server keep what is asked from now on; null where it keeps nothing. */
async function beginConversation(named) {
  if (!(await whoReads()).keeps_conversations) return null;
  const id = await createConversation(named);
  history.replaceState(null, "", conversationFragment(id));
  list.setCurrent(id);
  return id;
}

async function openConversation(id) {
  if (id === conversation.id) return;
  const chosen = collection.value;
  try {
    const kept = await readConversation(id);
    if (conversationIn(location.hash) !== id || id === conversation.id) return; // something was opened meanwhile
    source.close();
    conversation.show(kept);
    list.setCurrent(id);
    const untouched = collection.value === chosen; // the reader may have chosen one meanwhile
    if (untouched && kept.collection && known(kept.collection)) collection.value = kept.collection;
    showWelcome(kept.turns.length === 0);
  } catch (problem) {
    if (conversationIn(location.hash) !== id) return;
    beginAnew();
    part("starting").textContent = problem.detail || problem.title || problem.message;
  }
}

function known(name) {
  return Array.from(collection.options).some(({ value }) => value === name);
}

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
  say(copied.textContent);
  setTimeout(() => {
    copied.textContent = "Copy";
  }, 1500);
}

part("new-conversation").addEventListener("click", () => {
  beginAnew();
  composer.focus();
});

function beginAnew() {
  source.close();
  conversation.clear();
  list.setCurrent(null);
  history.replaceState(null, "", location.pathname);
  showWelcome(true);
}

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

/** Opens the place or the conversation that the address names, if it does. */
function openNamed() {
  const place = placeIn(location.hash);
  if (place) source.openAlone(place);
  const id = conversationIn(location.hash);
  if (id) openConversation(id);
}

/** Shows what the reader may do, then what the address names; while the service is still starting, comes again. */
async function begin() {
  try {
    const who = await whoReads();
    if (who.caller === null) {
      part("sign-in").replaceChildren(signInPanel(who, () => location.reload()));
      return;
    }
    const names = who.caller.permissions.includes("read") ? await listCollections() : [];
    collection.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
    if (names.includes("default")) collection.value = "default";
    part("collection-label").hidden = names.length < 2;
    const empty = names.length === 0 && who.caller.permissions.includes("read");
    part("starting").textContent = !empty ? "" : "There are no documents yet: docqa ingest FOLDER adds some.";
    part("administration").hidden = !administers(who);
    const account = accountLine(who);
    if (account) part("bar").append(account);
    if (who.keeps_conversations) list.begin();
    openNamed();
    addEventListener("hashchange", openNamed); // not before: what it tells would be told over
  } catch (problem) {
    part("starting").textContent = problem.detail || problem.title;
    setTimeout(begin, RETRY_MS);
  }
}

resumeKey();
begin();
