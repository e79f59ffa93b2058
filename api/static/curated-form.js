// The form in which a curated answer is written: question, other wordings, answer, and the words it rests on.

import { readRevision } from "./api.js";
import { changeCurated, listDocuments, pinCurated } from "./admin-api.js";
import { attempt, field, statusLine } from "./admin-parts.js";
import { passagePlace } from "./citations.js";
import { CodePoints } from "./code-points.js";
import { button, element } from "./dom.js";

/**
 * @param {object} given  what is known: an answer to be changed (with `id`), or `{question, collection, unanswered}`
 * @param {object[]} nearest  places whose words may be taken as a source
 * @param {(answer: object) => void} done  gets the answer as the server keeps it
 * @param {() => void} cancel
 */
export function curatedForm({ given = {}, nearest = [], done, cancel }) {
  const text = (name, value, rows) => {
    const made = element("textarea", { name, rows });
    made.value = value ?? "";
    return made;
  };
  const question = text("question", given.question, 2);
  const variants = text("variants", (given.variants ?? []).join("\n"), 2);
  const answer = text("answer", given.answer, 4);
  const owner = element("input", { name: "owner", value: given.owner ?? "", maxlength: 200 });
  const expires = element("input", { name: "expires", type: "date", value: dayOf(given.expires_at) });
  const sources = element("div", { class: "sources" });
  const documents = documentChoice(given.collection);
  const line = statusLine();
  const add = (source = {}) => sources.append(sourceFields(documents, source, sources));

  for (const source of given.sources ?? []) add(source);
  if (!sources.childElementCount && !nearest.length) add();
  const suggestions = nearest.map((place) => {
    const use = button(
      `Quote “${place.section_path.at(-1) ?? place.title}”`,
      { class: "quiet", title: passagePlace(place) },
      () => attempt(line, async () => add({ document: place.document, quote: await wordsOf(place) }), use),
    );
    return use;
  });
  const save = element("button", { class: "action" }, given.id ? "Save" : "Pin this answer");
  const form = element(
    "form",
    { class: "form", "aria-label": "Curated answer" },
    field("Question", question),
    field("Other wordings", variants, "One a line."),
    field("Answer", answer),
    element(
      "fieldset",
      {},
      element("legend", {}, "Sources"),
      sources,
      element("div", { class: "tools" }, ...suggestions),
      button("Add a source", { class: "quiet" }, () => add()),
    ),
    element("div", { class: "columns" }, field("Owner", owner, "Left empty: you."), field("Holds until", expires)),
    line,
    element("div", { class: "tools" }, save, button("Cancel", { class: "quiet" }, cancel)),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(line, async () => done(await store()), save);
  });

  async function store() {
    const written = {
      question: question.value.trim(),
      variants: variants.value
        .split("\n")
        .map((words) => words.trim())
        .filter(Boolean),
      answer: answer.value.trim(),
      sources: Array.from(sources.children, (fields) => ({
        document: fields.querySelector("select").value,
        quote: fields.querySelector("textarea").value,
      })),
      expires_at: expires.value ? Date.parse(`${expires.value}T23:59:59`) / 1000 : null,
      ...(owner.value.trim() ? { owner: owner.value.trim() } : {}),
    };
    if (given.id) return changeCurated(given.id, written);
    const { collection = null, unanswered = null } = given;
    return pinCurated({ ...written, collection, unanswered });
  }
  return form;
}

/** A promise of the options of documents, of one collection where it is known. */
async function documentChoice(collection) {
  const documents = await listDocuments();
  return documents.filter((document) => !collection || document.collection === collection);
}

function sourceFields(documents, { document = "", quote = "" }, all) {
  const choice = element("select", { "aria-label": "Document of the source" });
  const words = element("textarea", { rows: 3, "aria-label": "Words of the source" });
  words.value = quote;
  words.placeholder = "As it stands there, letter for letter";
  documents.then((found) => {
    const options = found.map(({ document: value, title, source }) =>
      element("option", { value, selected: value === document }, `${title} (${source})`),
    );
    choice.replaceChildren(...options);
  });
  const remove = button("Remove", { class: "quiet" }, () => {
    made.remove();
    (all.querySelector("select") ?? all.closest("form").querySelector("fieldset button")).focus();
  });
  const made = element("div", { class: "source-fields" }, choice, words, remove);
  return made;
}

/** What stands at a place of a document. */
async function wordsOf({ document, revision, span }) {
  const { text } = await readRevision(document, revision);
  const points = new CodePoints(text);
  return text.slice(points.toUnits(span[0]), points.toUnits(span[1])).trim();
}

function dayOf(seconds) {
  if (!seconds) return "";
  const date = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
