// Markdown text to a tree of blocks. Knows no DOM and no inline marks.
//
// A block's words are `pieces`: {start, text} with `text === source.slice(start, start + text.length)`, so that
// whatever prefix a container takes away (list indent, quote marks), each character keeps its place in the source.
// Positions are UTF-16 units. What is no Markdown here (raw HTML, reference definitions) is ordinary text.

import { indentChars, indentOf, isBlank, linesOf, pieces, trimmed, without } from "./markdown-lines.js";

const MAX_DEPTH = 12; // deeper containers are read as text: bounded work whatever the document

const FENCE = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})(.*)$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const UNDERLINE = /^ {0,3}(=+|-+)[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-+*]|\d{1,9}[.)])(?=[ \t]|$)/;
const INDENTED = /^(?: {4}| {0,3}\t)/;
const DELIMITER_CELL = /^:?-+:?$/;

/**
 * @typedef {{start: number, text: string}} Piece
 * @typedef {{type: string, start: number, end: number}} Block  plus, by type:
 *   heading {level, pieces}, paragraph {pieces}, code {pieces, info}, rule,
 *   quote {children}, list {ordered, first, loose, items: {start, children}[]}, table {align, header, rows} of pieces
 */

/** @param {string} source @returns {Block[]} */
export function parseBlocks(source) {
  return parseLines(linesOf(source), 0);
}

function parseLines(lines, depth) {
  const blocks = [];
  for (let at = 0; at < lines.length;) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const [block, next] = readBlock(lines, at, depth);
    const last = lines[next - 1];
    blocks.push({ start: lines[at].start, end: last.start + last.text.length, ...block });
    at = next;
  }
  return blocks;
}

/** The block that begins at line `at`, and the line after it. */
function readBlock(lines, at, depth) {
  const { text } = lines[at];
  if (FENCE.test(text)) return readFence(lines, at);
  if (HEADING.test(text)) return [readHeading(lines[at]), at + 1];
  if (RULE.test(text)) return [{ type: "rule" }, at + 1];
  if (depth < MAX_DEPTH && QUOTE.test(text)) return readQuote(lines, at, depth);
  if (depth < MAX_DEPTH && ITEM.test(text)) return readList(lines, at, depth);
  if (isTable(lines, at)) return readTable(lines, at);
  if (INDENTED.test(text)) return readIndented(lines, at);
  return readParagraph(lines, at);
}

/** Whether line `at` would end a paragraph that stands above it. */
function interrupts(lines, at) {
  const { text } = lines[at];
  if (text.trim() === "" || FENCE.test(text) || HEADING.test(text) || RULE.test(text) || QUOTE.test(text)) return true;
  const item = ITEM.exec(text);
  if (item && text.slice(item[0].length).trim() !== "" && (!/\d/.test(item[2]) || parseInt(item[2], 10) === 1))
    return true;
  return isTable(lines, at);
}

function readHeading(line) {
  const marks = HEADING.exec(line.text)[0].length;
  let end = line.text.trimEnd().length;
  let closing = end; // an optional run of # at the end, set off by a blank
  while (closing > marks && line.text[closing - 1] === "#") closing -= 1;
  if (/[ \t]/.test(line.text[closing - 1])) end = closing;
  return {
    type: "heading",
    level: line.text.trimStart().match(/^#+/)[0].length,
    pieces: pieces([trimmed(line, marks, end)]),
  };
}

function readFence(lines, at) {
  const [, indent, marks, info] = FENCE.exec(lines[at].text);
  const closing = new RegExp(`^ {0,3}${marks[0]}{${marks.length},}[ \\t]*$`);
  const inside = [];
  let next = at + 1;
  while (next < lines.length && !closing.test(lines[next].text)) {
    inside.push(without(lines[next], Math.min(indent.length, indentOf(lines[next]))));
    next += 1;
  }
  return [{ type: "code", info: info.trim(), pieces: pieces(inside) }, Math.min(next + 1, lines.length)];
}

function readIndented(lines, at) {
  const inside = [];
  let next = at;
  while (next < lines.length && (isBlank(lines[next]) || INDENTED.test(lines[next].text))) {
    inside.push(without(lines[next], lines[next].text.match(INDENTED)?.[0].length ?? lines[next].text.length));
    next += 1;
  }
  while (isBlank(inside.at(-1))) {
    inside.pop();
    next -= 1;
  }
  return [{ type: "code", info: "", pieces: pieces(inside) }, next];
}

function readQuote(lines, at, depth) {
  const inside = [];
  let next = at;
  while (next < lines.length) {
    const marks = QUOTE.exec(lines[next].text);
    if (!marks && !continuesText(lines, next, inside)) break;
    inside.push(marks ? without(lines[next], marks[0].length) : { ...lines[next], lazy: true });
    next += 1;
  }
  return [{ type: "quote", children: parseLines(inside, depth + 1) }, next];
}

/** Whether line `at`, which lacks its container's prefix ("lazy"), goes on with the paragraph that it ends in. */
function continuesText(lines, at, inside) {
  const last = inside.at(-1);
  const { text } = lines[at];
  return !isBlank(last) && !/^ {0,3}(?:```|~~~|#)/.test(last.text) && !ITEM.test(text) && !interrupts(lines, at);
}

function readList(lines, at, depth) {
  const [, , marker] = ITEM.exec(lines[at].text);
  const ordered = marker.length > 1;
  const items = [];
  let loose = false;
  let next = at;
  while (next < lines.length) {
    const item = ITEM.exec(lines[next].text);
    if (!item || item[2].at(-1) !== marker.at(-1) || RULE.test(lines[next].text)) break;
    const [inside, after] = itemLines(lines, next, item);
    items.push({ start: lines[next].start, children: parseLines(inside, depth + 1) });
    next = after;
    while (next < lines.length && isBlank(lines[next])) next += 1;
    const going = next < lines.length && ITEM.exec(lines[next].text)?.[2].at(-1) === marker.at(-1);
    loose ||= going && next > after;
    if (!going) next = after; // the blank lines are not the list's
  }
  return [{ type: "list", ordered, first: ordered ? parseInt(marker, 10) : 1, loose, items }, next];
}

/** Lines of one item without its marker and indent, and the line after the item. */
function itemLines(lines, at, item) {
  const rest = lines[at].text.slice(item[0].length);
  const blanks = rest.length - rest.trimStart().length;
  const width = item[0].length + (blanks >= 1 && blanks <= 4 && rest.trim() !== "" ? blanks : 1);
  const inside = [without(lines[at], Math.min(width, lines[at].text.length))];
  let next = at + 1;
  let end = next; // after the last line that is not blank
  while (next < lines.length) {
    if (isBlank(lines[next])) inside.push(without(lines[next], lines[next].text.length));
    else if (indentOf(lines[next]) >= width) inside.push(without(lines[next], indentChars(lines[next].text, width)));
    else if (end === next && continuesText(lines, next, inside)) {
      inside.push({ ...lines[next], lazy: true });
    } else break;
    next += 1;
    if (!isBlank(inside.at(-1))) end = next;
  }
  return [inside.slice(0, end - at), end];
}

function isTable(lines, at) {
  const { text } = lines[at];
  const below = lines[at + 1]?.text;
  if (below === undefined || !text.includes("|") || !/^ {0,3}[|:-][ \t|:-]*$/.test(below)) return false;
  if (!/[|:]/.test(below)) return false; // an underline or a list item
  const delimiters = cells(lines[at + 1]);
  if (!delimiters.every(({ text: cell }) => DELIMITER_CELL.test(cell.trim()))) return false;
  return cells(lines[at]).length === delimiters.length;
}

function readTable(lines, at) {
  const align = cells(lines[at + 1]).map(({ text }) => {
    const cell = text.trim();
    if (cell.endsWith(":")) return cell.startsWith(":") ? "center" : "end";
    return "start";
  });
  const rows = [];
  let next = at + 2;
  while (next < lines.length && (lines[next].text.includes("|") || !interrupts(lines, next)) && !isBlank(lines[next])) {
    rows.push(cells(lines[next]).map(cellPieces));
    next += 1;
  }
  return [{ type: "table", align, header: cells(lines[at]).map(cellPieces), rows }, next];
}

/** Cells of a table's line, split at each pipe that no backslash precedes. */
function cells(line) {
  const { text } = line;
  let from = text.length - text.trimStart().length;
  let to = text.trimEnd().length;
  if (text[from] === "|") from += 1;
  if (to > from && text[to - 1] === "|" && text[to - 2] !== "\\") to -= 1;
  const found = [];
  for (let at = from; at <= to; at += 1) {
    if (text[at] === "\\" && at + 1 < to) at += 1;
    else if (at === to || text[at] === "|") {
      found.push({ start: line.start + from, text: text.slice(from, at) });
      from = at + 1;
    }
  }
  return found;
}

/** A cell's words; in `\|` the backslash belongs to the table, not to the cell, even inside a code span. */
function cellPieces(cell) {
  const inner = trimmed(cell, 0, cell.text.length);
  const parts = [];
  let from = 0;
  for (let at = inner.text.indexOf("\\|"); at >= 0; at = inner.text.indexOf("\\|", at + 2)) {
    parts.push({ start: inner.start + from, text: inner.text.slice(from, at) });
    from = at + 1;
  }
  parts.push({ start: inner.start + from, text: inner.text.slice(from) });
  return parts.filter(({ text }) => text !== "");
}

function readParagraph(lines, at) {
  const inside = [trimmed(lines[at], 0, lines[at].text.length, true)];
  let next = at + 1;
  while (next < lines.length) {
    const underline = lines[next].lazy ? null : UNDERLINE.exec(lines[next].text);
    if (underline)
      return [{ type: "heading", level: underline[1][0] === "=" ? 1 : 2, pieces: pieces(inside) }, next + 1];
    if (interrupts(lines, next)) break;
    inside.push(trimmed(lines[next], 0, lines[next].text.length, true));
    next += 1;
  }
  return [{ type: "paragraph", pieces: pieces(inside) }, next];
}
