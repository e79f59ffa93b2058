// Lines of Markdown on their way into blocks: {start, text}, where `text` is the source's from `start` on.

/** @returns {{start: number, text: string}[]} the lines of `source` without their newlines */
export function linesOf(source) {
  const lines = [];
  for (let start = 0; start <= source.length;) {
    const newline = source.indexOf("\n", start);
    const end = newline < 0 ? source.length : newline;
    lines.push({ start, text: source.slice(start, end) });
    start = end + 1;
  }
  return lines;
}

/** Lines as pieces: each but the last carries its newline; neighbours with nothing taken away between are joined. */
export function pieces(lines) {
  const joined = [];
  for (const [at, { start, text }] of lines.entries()) {
    const words = at < lines.length - 1 ? `${text}\n` : text;
    const last = joined.at(-1);
    if (last && last.start + last.text.length === start) last.text += words;
    else if (words !== "") joined.push({ start, text: words });
  }
  return joined;
}

export function isBlank(line) {
  return line.text.trim() === "";
}

/** `line.text.slice(from, to)` without blanks around it, or only without those in front when `keepEnd`. */
export function trimmed(line, from, to, keepEnd = false) {
  const text = line.text.slice(from, to);
  const blanks = text.length - text.trimStart().length;
  return { start: line.start + from + blanks, text: keepEnd ? text.slice(blanks) : text.trim() };
}

export function without(line, chars) {
  return { ...line, start: line.start + chars, text: line.text.slice(chars) };
}

/** Columns of blanks a line begins with; a tab reaches to the next multiple of four. */
export function indentOf(line) {
  return columnsOf(line.text, Infinity).columns;
}

/** How many characters make up `columns` columns of indent. */
export function indentChars(text, columns) {
  return columnsOf(text, columns).chars;
}

function columnsOf(text, limit) {
  let columns = 0;
  let chars = 0;
  for (; columns < limit; chars += 1) {
    if (text[chars] === " ") columns += 1;
    else if (text[chars] === "\t") columns += 4 - (columns % 4);
    else break;
  }
  return { columns, chars };
}
