// How the service is used: by day and by who asked, in counts and times, without questions.

import { readUsage } from "./admin-api.js";
import { amount, attempt, counted, field, row, select, statusLine, table } from "./admin-parts.js";
import { button, element } from "./dom.js";

const DAY_MS = 24 * 3600 * 1000;
const COLUMNS = [
  "Questions",
  "Not in the documents",
  "No whole answer",
  "Unsupported",
  "Helpful / not",
  "Tokens in / out",
  "First token",
  "Answer / longest",
];

export async function showUsage(root) {
  const line = statusLine();
  const span = select(
    "days",
    [7, 30, 90, 365].map((days) => [String(days), `Last ${days} days`]),
    "30",
  );
  const one = element("p", { class: "facts" });
  const days = table("By day", ["Day (UTC)", ...COLUMNS]);
  const callers = table("By key or person", ["Who", ...COLUMNS]);
  const chart = element("div");
  const further = element("p", { class: "facts" });
  let caller = null; // {caller, name} whose questions alone are shown

  const load = () =>
    attempt(line, async () => {
      const [last, first] = [0, Number(span.value) - 1].map((ago) => dayOf(Date.now() - ago * DAY_MS));
      const found = await readUsage(first, last, caller?.caller);
      chart.replaceChildren(bars(found));
      days.body.replaceChildren(
        ...found.days.map((day) => row(element("time", { datetime: day.day }, day.day), ...figures(day))),
        row(element("strong", {}, "In all"), ...figures(found.total)),
      );
      callers.body.replaceChildren(...found.callers.map((each) => row(chooser(each), ...figures(each))));
      const more = found.further_callers;
      further.textContent = more ? `${counted(more, "further caller")}, who asked less.` : "";
      one.replaceChildren();
      if (caller) one.append(`Only ${nameOf(caller)}. `, button("Show everybody", { class: "quiet" }, () => choose(null)));
      line.textContent = counted(found.total.questions, "question");
    });

  function choose(next) {
    caller = next;
    load();
  }

  function chooser(each) {
    const name = nameOf(each);
    const label = `Only questions of ${name}`;
    return button(name, { class: "quiet", "aria-label": label, title: each.caller }, () => choose(each));
  }

  span.addEventListener("change", load);
  for (const { element: shown } of [days, callers]) shown.classList.add("numbers");
  root.append(
    element("div", { class: "tools" }, field("Show", span), line),
    one,
    chart,
    element("h3", {}, "By day"),
    days.element,
    element("h3", {}, "By key or person"),
    callers.element,
    further,
  );
  await load();
}

/** A bar for each day; the table below says the same in numbers. */
function bars({ first, last, days }) {
  const asked = new Map(days.map(({ day, questions }) => [day, questions]));
  const most = Math.max(1, ...asked.values());
  const made = [];
  for (let time = Date.parse(first); time <= Date.parse(last); time += DAY_MS) {
    const day = dayOf(time);
    const questions = asked.get(day) ?? 0;
    const bar = element("div", { class: "day", title: `${day}: ${counted(questions, "question")}` });
    bar.style.setProperty("--share", questions / most); // set in code: the page's policy forbids style attributes
    made.push(bar);
  }
  return element("div", { class: "days", "aria-hidden": "true" }, ...made);
}

function figures(of) {
  const share = of.sentences ? ` (${Math.round((100 * of.unsupported) / of.sentences)} %)` : "";
  return [
    amount(of.questions),
    amount(of.abstained),
    amount(of.lost),
    `${amount(of.unsupported)}${share}`,
    `${amount(of.helpful)} / ${amount(of.unhelpful)}`,
    `${amount(of.prompt_tokens)} / ${amount(of.output_tokens)}`,
    seconds(of.mean_first_token_s),
    of.mean_total_s === null ? "" : `${seconds(of.mean_total_s)} / ${seconds(of.longest_total_s)}`,
  ];
}

function seconds(time) {
  return time === null ? "" : `${time.toFixed(time < 10 ? 1 : 0)} s`;
}

function nameOf({ caller, name }) {
  return name ?? caller.replace(/^user:/, "");
}

function dayOf(time) {
  return new Date(time).toISOString().slice(0, 10);
}
