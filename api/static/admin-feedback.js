// What people think of answers.

import { listFeedback } from "./admin-api.js";
import { field, pagedList, select } from "./admin-parts.js";
import { element, moment } from "./dom.js";

export async function showFeedback(root) {
  const rating = select("rating", [
    ["", "All"],
    ["down", "Thumbs down"],
    ["up", "Thumbs up"],
  ]);
  const fetch = async (cursor) => {
    const found = await listFeedback(rating.value, cursor);
    return { items: found.feedback, next: found.next_cursor };
  };
  const list = pagedList(element("ul", { class: "cards" }), fetch, opinion, "Nobody has rated an answer yet.");
  rating.addEventListener("change", list.reload);
  root.append(element("div", { class: "tools" }, field("Show", rating)), ...list.elements);
  await list.reload();
}

function opinion({ rating, reason, comment, question, text, author, created_at: at }) {
  const up = rating === "up";
  const why = reason ? `: ${reason.replaceAll("_", " ")}` : "";
  return element(
    "li",
    { class: "item" },
    element("h3", {}, question ?? "An answer outside of conversations"),
    element("p", { class: `badge ${up ? "good" : "doubt"}` }, `${up ? "Helpful" : "Not helpful"}${why}`),
    comment ? element("p", {}, comment) : null,
    text ? element("details", {}, element("summary", {}, "The answer"), element("p", {}, text)) : null,
    element("p", { class: "facts" }, `${author} · `, moment(at)),
  );
}
