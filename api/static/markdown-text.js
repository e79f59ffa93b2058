// The words of a piece of Markdown on one line, without its marks. Knows no DOM.

import { parseBlocks } from "./markdown-blocks.js";
import { parseInline } from "./markdown-inline.js";

/** @param {string} source */
export function plainWords(source) {
  const words = parseBlocks(source).map(wordsOf).join(" ").replace(/\s+/g, " ").trim();
  return words.replace(/^\| | \|$/g, ""); // a table's row by itself
}

function wordsOf(block) {
  switch (block.type) {
    case "rule":
      return "";
    case "code":
      return joined(block.pieces);
    case "quote":
      return block.children.map(wordsOf).join(" ");
    case "list":
      return block.items.flatMap(({ children }) => children.map(wordsOf)).join(" ");
    case "table":
      return [block.header, ...block.rows].map((row) => row.map(inlineWords).join(" | ")).join(" ");
    default:
      return inlineWords(block.pieces);
  }
}

function inlineWords(pieces) {
  const text = joined(pieces);
  return parseInline(text)
    .map((event) => (event.type === "text" ? text.slice(event.from, event.to) : ""))
    .join("");
}

function joined(pieces) {
  return pieces.map(({ text }) => text).join("");
}
