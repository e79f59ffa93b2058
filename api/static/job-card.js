// One job that changes the index: how far it is, and what it came to.

import { cancelJob, followJob, readJob } from "./admin-api.js";
import { attempt, statusLine } from "./admin-parts.js";
import { button, element, moment } from "./dom.js";

const STATES = {
  queued: ["", "Waiting"],
  running: ["", "Running"],
  succeeded: ["good", "Done"],
  failed: ["doubt", "Failed"],
  cancelled: ["doubt", "Cancelled"],
  interrupted: ["doubt", "Interrupted: the server ended before it did"],
};
const DEEDS = { remove: "Remove ", restore: "Restore " };
const SHOWN_NAMES = 3;
const NAMED = ["failed", "skipped", "withheld", "added", "updated", "moved", "removed"]; // lists of a report

export function jobCard(job) {
  const line = statusLine();
  const badge = element("p", { class: "badge" });
  const bar = element("progress", { max: 1, "aria-label": "Progress" });
  const told = element("p", { class: "facts" });
  const cancel = button("Cancel", { class: "quiet danger" }, () =>
    attempt(line, async () => show(await cancelJob(job.id)), cancel),
  );
  const report = element("details", { hidden: true }, element("summary", {}, "What it did"));
  const card = element(
    "li",
    { class: "item" },
    element("h4", {}, (DEEDS[job.kind] ?? "") + namesOf(job.sources)),
    element("p", { class: "facts" }, `${job.collection} · ${job.owner} · `, moment(job.created_at)),
    badge,
    bar,
    told,
    cancel,
    report,
    line,
  );

  function show(now) {
    const over = isOver(now);
    const [kind, words] = STATES[now.state];
    badge.className = `badge ${kind}`;
    badge.textContent = now.cancelling && !over ? "Ends before its next file" : words;
    bar.hidden = cancel.hidden = over;
    if (now.progress?.bytes_total) bar.value = now.progress.bytes_done / now.progress.bytes_total;
    else bar.removeAttribute("value");
    told.textContent = over ? (now.error ?? countsOf(now.counts)) : progressOf(now.progress);
    report.hidden = !now.counts;
  }

  report.addEventListener("toggle", async () => {
    if (!report.open || report.querySelector("dl")) return;
    await attempt(line, async () => report.append(reportList((await readJob(job.id)).report)));
  });
  show(job);
  if (!isOver(job)) attempt(line, () => follow(job.id, card, show));
  return card;
}

/** Shows the job as it goes on, as long as its card is on the page. */
async function follow(id, card, show) {
  for await (const now of followJob(id)) {
    show(now);
    if (!card.isConnected) return;
  }
}

function isOver({ state }) {
  return state !== "queued" && state !== "running";
}

function namesOf(sources) {
  const rest = sources.length - SHOWN_NAMES;
  return sources.slice(0, SHOWN_NAMES).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function progressOf(progress) {
  if (!progress) return "";
  const left = progress.seconds_left === null ? "" : ` · about ${Math.ceil(progress.seconds_left)} s left`;
  const place = progress.total ? `${progress.position} of ${progress.total}` : `Looking, ${progress.position} so far`;
  return `${place}: ${progress.source}${left}`;
}

function countsOf(counts) {
  if (!counts) return "";
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  return told.map(([name, count]) => `${count} ${name}`).join(" · ") || "Nothing to do.";
}

function reportList(report) {
  const list = element("dl");
  for (const name of NAMED.filter((name) => report[name].length)) {
    const entries = report[name].map((entry) => element("dd", {}, entryOf(entry)));
    list.append(element("dt", {}, name), ...entries);
  }
  if (!list.childElementCount) list.append(element("dt", {}, "Nothing had changed."));
  return list;
}

/** A name, a refused file with its reason, or a move. */
function entryOf(entry) {
  if (typeof entry === "string") return entry;
  return entry.reason ? `${entry.source}: ${entry.reason}` : `${entry.from} is now ${entry.to}`;
}
