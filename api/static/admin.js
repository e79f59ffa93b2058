// The pages for curators and administrators: one part of the address chooses which is shown.

import { accountLine, administers, resumeKey, signInPanel } from "./account.js";
import { showCurated } from "./admin-curated.js";
import { showDocuments } from "./admin-documents.js";
import { showFeedback } from "./admin-feedback.js";
import { showIngest } from "./admin-ingest.js";
import { showAudit, showKeys } from "./admin-keys.js";
import { reasonOf } from "./admin-parts.js";
import { showUnanswered } from "./admin-unanswered.js";
import { showUsage } from "./admin-usage.js";
import { readSession } from "./api.js";
import { element } from "./dom.js";

const PAGES = [
  { name: "documents", title: "Documents", permission: "read", show: showDocuments },
  { name: "ingest", title: "Upload", permission: "ingest", show: showIngest },
  { name: "unanswered", title: "Unanswered", permission: "curate", show: showUnanswered },
  { name: "curated", title: "Curated answers", permission: "curate", show: showCurated },
  { name: "feedback", title: "Feedback", permission: "curate", show: showFeedback },
  { name: "usage", title: "Usage", permission: "admin", show: showUsage },
  { name: "keys", title: "API keys", permission: "admin", show: showKeys },
  { name: "audit", title: "Audit log", permission: "admin", show: showAudit },
];
const RETRY_MS = 3000; // while the service starts

const main = document.getElementById("admin");
const tabs = document.getElementById("tabs");
let pages = []; // those that the reader may see
let reader = null; // as the server knows him

async function begin() {
  resumeKey();
  try {
    const session = await readSession();
    if (session.caller === null) main.replaceChildren(signInPanel(session, () => location.reload()));
    else if (!administers(session)) main.replaceChildren(element("p", {}, "There is nothing here for you to do."));
    else start(session);
  } catch (problem) {
    main.replaceChildren(element("p", { role: "status" }, reasonOf(problem)));
    setTimeout(begin, RETRY_MS);
  }
}

function start(session) {
  const account = accountLine(session);
  if (account) document.getElementById("bar").append(account);
  reader = session.caller;
  pages = PAGES.filter(({ permission }) => reader.permissions.includes(permission));
  tabs.replaceChildren(...pages.map(({ name, title }) => element("a", { href: `#${name}` }, title)));
  addEventListener("hashchange", show);
  show();
}

function show() {
  const page = pages.find(({ name }) => location.hash === `#${name}`) ?? pages[0];
  for (const tab of tabs.children) {
    const here = tab.hash === `#${page.name}`;
    tab.ariaCurrent = here ? "page" : null;
    if (here) tab.scrollIntoView({ block: "nearest", inline: "nearest" }); // the row is wider than a phone
  }
  document.title = `${page.title} · docqa`;
  const heading = element("h2", { tabindex: -1 }, page.title);
  const root = element("section", { class: "admin-page" }, heading);
  main.replaceChildren(root);
  if (location.hash) heading.focus({ preventScroll: true });
  page.show(root, reader);
}

begin();
