// Documents into the index: files uploaded, folders of the server brought up to date, and the jobs that do it.

import { ingestFolders, listJobs, readIngestOptions, uploadFiles } from "./admin-api.js";
import { attempt, counted, field, pagedList, select, statusLine } from "./admin-parts.js";
import { listCollections } from "./api.js";
import { element } from "./dom.js";
import { jobCard } from "./job-card.js";

const MIB = 1024 * 1024;

export async function showIngest(root) {
  const fetch = async (cursor) => {
    const found = await listJobs(cursor);
    return { items: found.jobs, next: found.next_cursor };
  };
  const entries = element("ul", { class: "cards", "aria-label": "Jobs" });
  const list = pagedList(entries, fetch, jobCard, "Nothing has been ingested here yet.");
  const begun = (job) => {
    entries.prepend(jobCard(job));
    list.note("");
  };
  const line = statusLine();
  const forms = element("div", { class: "forms" });
  root.append(line, forms, element("h3", {}, "Jobs"), ...list.elements);
  await attempt(line, async () => {
    const [options, collections] = await Promise.all([readIngestOptions(), listCollections().catch(() => [])]);
    const names = collections.map((value) => element("option", { value }));
    forms.append(element("datalist", { id: "collections" }, ...names), uploadForm(options, begun));
    if (options.folders.length) forms.append(folderForm(options, begun));
  });
  await list.reload();
}

function uploadForm({ max_files: most, max_bytes: bytes, max_file_bytes: each }, begun) {
  const files = element("input", { type: "file", name: "files", multiple: true });
  const folder = element("input", { type: "file", name: "folder", webkitdirectory: true });
  const collection = collectionInput();
  const line = statusLine();
  const bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Upload" });
  const send = element("button", { class: "action" }, "Upload");
  const limits = `At most ${counted(most, "file")}, ${megabytes(bytes)} in all, ${megabytes(each)} each.`;
  const columns = element(
    "div",
    { class: "columns" },
    field("Files", files, limits),
    field("Or a folder", folder),
    collectionField(collection),
  );
  const tools = element("div", { class: "tools" }, send, bar);
  const form = element("form", { class: "form", "aria-label": "Upload" }, columns, tools, line);

  async function upload() {
    const chosen = [...files.files, ...folder.files];
    if (!chosen.length) throw new Error("Choose files or a folder first.");
    bar.hidden = false;
    const named = chosen.map((file) => ({ file, name: file.webkitRelativePath || file.name }));
    const sending = (part) => {
      bar.value = part;
    };
    begun(await uploadFiles(named, collection.value.trim(), sending));
    form.reset();
    line.textContent = `${counted(chosen.length, "file")} uploaded.`;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await attempt(line, upload, send);
    bar.hidden = true;
  });
  return form;
}

function folderForm({ folders }, begun) {
  const path = element("input", { name: "path", required: true, value: folders[0], list: "folders" });
  const known = element("datalist", { id: "folders" }, ...folders.map((value) => element("option", { value })));
  const collection = collectionInput();
  const removal = select("removal", [
    ["cautious", "Remove, unless most of the folder is gone"],
    ["all", "Remove"],
    ["none", "Keep"],
  ]);
  const line = statusLine();
  const start = element("button", { class: "action" }, "Bring up to date");
  const columns = element(
    "div",
    { class: "columns" },
    field("Folder of the server", path, "The collection becomes equal to it."),
    collectionField(collection),
    field("Documents whose file is gone", removal),
  );
  const tools = element("div", { class: "tools" }, start);
  const form = element("form", { class: "form", "aria-label": "Folder of the server" }, known, columns, tools, line);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = [[path.value.trim()], collection.value.trim(), removal.value];
    attempt(line, async () => begun(await ingestFolders(...asked)), start);
  });
  return form;
}

function collectionInput() {
  return element("input", { name: "collection", list: "collections", maxlength: 63 });
}

function collectionField(input) {
  return field("Into collection", input, "Left empty: the default one.");
}

function megabytes(bytes) {
  return `${Math.floor(bytes / MIB)} MiB`;
}
