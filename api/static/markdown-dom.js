// Markdown as DOM, for text that nobody vouches for: documents and answers.
//
// Only the elements named here are ever made, all words become text nodes, no markup is parsed and nothing is
// loaded: images show their alternative text, links lead out only over http, https and mailto.

import { element } from "./dom.js";
import { parseBlocks } from "./markdown-blocks.js";
import { parseInline } from "./markdown-inline.js";
import { TextLeaves } from "./text-leaves.js";

const MAX_INLINE_DEPTH = 24; // elements within elements; what would lie deeper shares the innermost one
const SAFE_PROTOCOLS = new Set(["http:", "https:", "mailto:"]);

/** Rendered Markdown whose text can be found by its place in the source. */
export class MarkdownView {
  /** @param {HTMLElement} root filled and owned by the view */
  constructor(root) {
    this.root = root;
    this.source = "";
    this.leaves = new TextLeaves();
    /** Top-level blocks with their elements, in order: {type, start, end, element}. */
    this.blocks = [];
  }

  /** Shows `source`. Blocks that stand as before keep their elements, so that a growing text does not flicker. */
  update(source) {
    const blocks = parseBlocks(source);
    let same = 0;
    if (source.startsWith(this.source)) {
      while (same < blocks.length && isSame(blocks[same], this.blocks[same])) same += 1;
    }
    this.source = source;
    for (const { element: gone } of this.blocks.splice(same)) gone.remove();
    this.leaves.truncate(this.blocks.at(-1)?.end ?? 0);
    const fresh = blocks.slice(same).map((block) => ({ ...block, element: renderBlock(block, this.leaves) }));
    this.blocks.push(...fresh);
    this.root.append(...fresh.map((block) => block.element));
  }

  /** The top-level block that holds the unit at `position`, or the first one after it. */
  blockAt(position) {
    return this.blocks.find((block) => block.end > position);
  }
}

function isSame(block, shown) {
  return shown !== undefined && block.type === shown.type && block.start === shown.start && block.end === shown.end;
}

function renderBlock(block, leaves) {
  switch (block.type) {
    case "heading":
      return renderWords(element(`h${block.level}`), block.pieces, leaves);
    case "code":
      return element("pre", {}, renderVerbatim(element("code"), block.pieces, leaves));
    case "rule":
      return element("hr");
    case "quote":
      return element("blockquote", {}, ...block.children.map((child) => renderBlock(child, leaves)));
    case "list":
      return renderList(block, leaves);
    case "table":
      return renderTable(block, leaves);
    default:
      return renderWords(element("p"), block.pieces, leaves);
  }
}

function renderList({ ordered, first, loose, items }, leaves) {
  const start = ordered && first !== 1 ? first : null;
  const list = element(ordered ? "ol" : "ul", { class: loose ? "loose" : null, start });
  for (const { children } of items)
    list.append(element("li", {}, ...children.map((child) => renderBlock(child, leaves))));
  return list;
}

function renderTable({ align, header, rows }, leaves) {
  const row = (tag, cells) => {
    const missing = Array(Math.max(0, header.length - cells.length)).fill([]);
    const made = [...cells, ...missing].map((pieces, column) => {
      const properties = { class: align[column] && align[column] !== "start" ? `align-${align[column]}` : null };
      if (tag === "th") properties.scope = "col";
      return renderWords(element(tag, properties), pieces, leaves);
    });
    return element("tr", {}, ...made);
  };
  const head = element("thead", {}, row("th", header));
  if (head.textContent === "") head.hidden = true; // the header that Markdown demands of a table without one
  const table = element("table", {}, head, element("tbody", {}, ...rows.map((cells) => row("td", cells))));
  return element("div", { class: "table" }, table);
}

function renderVerbatim(parent, pieces, leaves) {
  for (const { start, text } of pieces) addText(parent, text, start, leaves);
  return parent;
}

function renderWords(parent, pieces, leaves) {
  const text = pieces.map((piece) => piece.text).join("");
  const place = piecewise(pieces, leaves);
  const open = [parent];
  for (const event of parseInline(text)) {
    if (event.type === "text") place(open.at(-1), event.from, event.to);
    else if (event.type === "break") open.at(-1).append(element("br"));
    else if (event.type === "close") open.pop();
    else if (open.length > MAX_INLINE_DEPTH) open.push(open.at(-1));
    else {
      const child = inlineElement(event, open);
      open.at(-1).append(child);
      open.push(child);
    }
  }
  return parent;
}

function inlineElement({ tag, href }, open) {
  if (tag === "img") return element("span", { class: "image" });
  if (tag !== "a") return element(tag);
  const safe = open.some((outer) => outer.localName === "a") ? null : safeHref(href);
  if (safe === null) return element("span", { class: "link", title: href });
  return element("a", { href: safe, title: safe, target: "_blank", rel: "noopener noreferrer" });
}

/** An address that may be followed, or null: relative ones would lead into this application, others may do harm. */
function safeHref(href) {
  const url = URL.canParse(href) ? new URL(href) : null;
  return url && SAFE_PROTOCOLS.has(url.protocol) ? url.href : null;
}

/** Adds ranges of a block's words, in ascending order, with one text node for each piece that they come from. */
function piecewise(pieces, leaves) {
  let at = 0;
  let offset = 0; // where pieces[at] begins among the words
  return (parent, from, to) => {
    for (; at < pieces.length; at += 1) {
      const { start, text } = pieces[at];
      const [low, high] = [Math.max(from - offset, 0), Math.min(to - offset, text.length)];
      if (low < high) addText(parent, text.slice(low, high), start + low, leaves);
      if (offset + text.length >= to) return; // the next range may begin in the same piece
      offset += text.length;
    }
  };
}

function addText(parent, text, start, leaves) {
  const node = document.createTextNode(text);
  parent.append(node);
  leaves.add(node, start);
}
