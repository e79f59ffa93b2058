// Answers that a person has verified: pinned, changed, verified again, deleted.

import { deleteCurated, listCurated, verifyCurated } from "./admin-api.js";
import { attempt, pagedList, statusLine } from "./admin-parts.js";
import { curatedForm } from "./curated-form.js";
import { button, element, moment, sureButton } from "./dom.js";
import { placeFragment } from "./place-address.js";

const FRESHNESS = {
  current: ["good", "Served"],
  stale: ["doubt", "Not served: a cited document has changed"],
  expired: ["doubt", "Not served: its time is over"],
};

export async function showCurated(root) {
  const entries = element("ul", { class: "cards" });
  const fetch = async (cursor) => {
    const found = await listCurated(cursor);
    return { items: found.curated, next: found.next_cursor };
  };
  const list = pagedList(entries, fetch, curatedCard, "Nobody has verified an answer yet.");
  const place = element("div");
  const begin = button("New curated answer", { class: "action" }, () => {
    const form = curatedForm({
      done: async () => {
        place.replaceChildren();
        await list.reload();
        begin.focus();
      },
      cancel: () => place.replaceChildren(),
    });
    place.replaceChildren(form);
    form.querySelector("[name=question]").focus();
  });
  root.append(element("div", { class: "tools" }, begin), place, ...list.elements);
  await list.reload();
}

function curatedCard(answer) {
  const [kind, words] = FRESHNESS[answer.freshness];
  const line = statusLine();
  const replaceBy = (changed) => {
    const renewed = curatedCard(changed);
    card.replaceWith(renewed);
    renewed.querySelector("button").focus();
  };
  const verify = button("Verify again", { class: "quiet" }, () =>
    attempt(line, async () => replaceBy(await verifyCurated(answer.id)), verify),
  );
  const edit = button("Change", { class: "quiet" }, () => {
    const form = curatedForm({ given: answer, done: replaceBy, cancel: () => replaceBy(answer) });
    card.replaceChildren(form);
    form.querySelector("[name=answer]").focus();
  });
  const remove = sureButton("Delete", "Delete for good?", () =>
    attempt(line, async () => {
      await deleteCurated(answer.id);
      card.remove();
    }),
  );
  const until = answer.expires_at ? [" · until ", moment(answer.expires_at, { withTime: false })] : [];
  const card = element(
    "li",
    { class: "item" },
    element("h3", {}, answer.question),
    element("p", {}, answer.answer),
    element("p", { class: `badge ${kind}` }, words),
    element(
      "p",
      { class: "facts" },
      `${answer.owner} · verified `,
      moment(answer.verified_at),
      ...until,
      ` · ${answer.collection}`,
    ),
    element("ul", { class: "places", "aria-label": "Sources" }, ...answer.sources.map(sourceLine)),
    element("div", { class: "tools" }, verify, edit, remove),
    line,
  );
  return card;
}

function sourceLine(source) {
  const link = element("a", { href: `./${placeFragment(source)}` }, source.title || "A document that is gone");
  const state = source.current ? "" : source.stands ? " (changed; the words still stand)" : " (the words are gone)";
  return element("li", {}, link, ` revision ${source.revision}${state}: `, element("q", {}, source.quote));
}
