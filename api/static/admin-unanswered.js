// Questions that the documents left open: asked again, closed by a curated answer, deleted.

import { deleteUnanswered, listUnanswered, recheckUnanswered } from "./admin-api.js";
import { attempt, counted, field, pagedList, select, statusLine } from "./admin-parts.js";
import { passagePlace } from "./citations.js";
import { curatedForm } from "./curated-form.js";
import { button, element, moment, sureButton } from "./dom.js";
import { placeFragment } from "./place-address.js";

const CLOSED_BY = { curated: "Closed by a curated answer", documents: "Answered by the documents now" };

export async function showUnanswered(root) {
  const state = select("state", [
    ["open", "Open"],
    ["closed", "Closed"],
  ]);
  const fetch = async (cursor) => {
    const found = await listUnanswered(state.value, cursor);
    return { items: found.unanswered, next: found.next_cursor };
  };
  const none = "No question is waiting for an answer.";
  const list = pagedList(element("ul", { class: "cards" }), fetch, unansweredCard, none);
  state.addEventListener("change", list.reload);
  root.append(element("div", { class: "tools" }, field("Show", state)), ...list.elements);
  await list.reload();
}

function unansweredCard(entry) {
  const line = statusLine();
  const body = element("div", { class: "card-body" });
  const answer = button("Answer it", { class: "action" }, () => {
    const form = curatedForm({
      given: { question: entry.question, collection: entry.collection, unanswered: entry.id },
      nearest: entry.nearest,
      done: () => card.replaceChildren(element("p", {}, entry.question), closed("Closed by a curated answer.")),
      cancel: () => body.replaceChildren(),
    });
    body.replaceChildren(form);
    form.querySelector("[name=answer]").focus();
  });
  const again = button("Ask again", { class: "quiet" }, () => attempt(line, recheck, again));
  const recheck = async () => {
    line.textContent = "Asking the documents";
    const { entry: now, answer: given } = await recheckUnanswered(entry.id);
    line.textContent = now.resolution === null ? "The documents still leave it open." : "The documents answer it now.";
    body.replaceChildren(element("blockquote", {}, given.answer));
    if (now.resolution !== null) tools.remove();
  };
  const remove = sureButton("Delete", "Delete for good?", () =>
    attempt(line, async () => {
      await deleteUnanswered(entry.id);
      card.remove();
    }),
  );
  const tools = element("div", { class: "tools" }, answer, again, remove);
  const card = element(
    "li",
    { class: "item" },
    element("h3", {}, entry.question),
    element("p", { class: "facts" }, factsOf(entry), " · last ", moment(entry.last_at), ` · ${entry.collection}`),
    nearestLinks(entry.nearest),
    entry.resolution === null ? tools : closed(CLOSED_BY[entry.resolution] ?? "Closed"),
    line,
    body,
  );
  return card;
}

function closed(words) {
  return element("p", { class: "badge good" }, words);
}

function factsOf({ count, refused, unsupported, disliked }) {
  const parts = [`asked ${count === 1 ? "once" : `${count} times`}`];
  if (refused) parts.push(`${refused} not in the documents`);
  if (unsupported) parts.push(`${unsupported} not backed`);
  if (disliked) parts.push(counted(disliked, "thumb").concat(" down"));
  return parts.join(" · ");
}

function nearestLinks(nearest) {
  if (!nearest.length) return null;
  const links = nearest.map((place) =>
    element("li", {}, element("a", { href: `./${placeFragment(place)}` }, place.title), ` ${passagePlace(place)}`),
  );
  return element("ul", { class: "places", "aria-label": "Nearest sections" }, ...links);
}
