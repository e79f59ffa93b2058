// The words of one block to a flat list of inline events. Knows no DOM.
//
// Events, well nested:  {type: "text", from, to}   {type: "break"}   {type: "open", tag, href?}   {type: "close"}
// `from` and `to` are positions in the block's words. What is no mark stays text; a mark's own characters are
// dropped. Every loop is bounded by the length of the text: documents may be hostile.

const SPECIAL = /[\\`*_~[\]!<\n]/g;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const AUTOLINK = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/y;
// The address and title behind a link's words. Runs of blanks have a limit, else the pattern would try each way to
// share a long one out.
const ADDRESS = /<([^<>\n]*)>|([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)/;
const TITLE = /"[^"]*"|'[^']*'|\([^()]*\)/;
const DESTINATION = new RegExp(`\\(\\s{0,9}(?:${ADDRESS.source})(?:\\s{1,9}(?:${TITLE.source}))?\\s{0,9}\\)`, "y");

/** @param {string} text words of one block */
export function parseInline(text) {
  return new InlineParser(text).parse();
}

class InlineParser {
  constructor(text) {
    this.text = text;
    this.tokens = [];
    this.brackets = []; // openers of links and images that wait for their "]"
    this.lastRun = null; // end of the list of emphasis runs, linked by `before` and `after`
    this.ticks = null; // start of each run of backticks by its length, found when first needed
  }

  parse() {
    let at = 0;
    while (at < this.text.length) {
      SPECIAL.lastIndex = at;
      const next = SPECIAL.exec(this.text)?.index ?? this.text.length;
      this.addText(at, next);
      at = next < this.text.length ? this.readSpecial(next) : next;
    }
    this.matchRuns(null);
    return this.events();
  }

  /** Reads the special character at `at`; returns where to go on. */
  readSpecial(at) {
    switch (this.text[at]) {
      case "\\":
        return this.readEscape(at);
      case "\n":
        return this.readNewline(at);
      case "`":
        return this.readCode(at);
      case "<":
        return this.readAutolink(at);
      case "]":
        return this.readBracketEnd(at);
      case "[":
        return this.addBracket(at, at + 1, false);
      case "!":
        return this.text[at + 1] === "[" ? this.addBracket(at, at + 2, true) : this.addText(at, at + 1);
      default:
        return this.readRun(at);
    }
  }

  addText(from, to) {
    const last = this.tokens.at(-1);
    if (last?.type === "text" && last.to === from && !last.bracket) last.to = to;
    else if (to > from) this.tokens.push({ type: "text", from, to });
    return to;
  }

  readEscape(at) {
    const escaped = this.text[at + 1];
    if (escaped === "\n") {
      this.tokens.push({ type: "break" });
      return at + 2;
    }
    if (escaped === undefined || !ESCAPABLE.test(escaped)) return this.addText(at, at + 1);
    this.tokens.push({ type: "text", from: at + 1, to: at + 2 });
    return at + 2;
  }

  readNewline(at) {
    this.addText(at, at + 1);
    if (this.text.endsWith("  ", at)) this.tokens.push({ type: "break" });
    return at + 1;
  }

  readCode(at) {
    const length = runLength(this.text, at);
    const close = this.nextTicks(at + length, length);
    if (close < 0) return this.addText(at, at + length);
    let [from, to] = [at + length, close];
    const padded = this.text[from] === " " && this.text[to - 1] === " " && this.text.slice(from, to).trim() !== "";
    if (padded) [from, to] = [from + 1, to - 1];
    this.tokens.push({ type: "open", tag: "code" }, { type: "text", from, to }, { type: "close" });
    return close + length;
  }

  /** Start of the next run of exactly `length` backticks at or after `from`, or -1. */
  nextTicks(from, length) {
    if (this.ticks === null) {
      this.ticks = new Map();
      for (const { 0: run, index } of this.text.matchAll(/`+/g)) {
        if (!this.ticks.has(run.length)) this.ticks.set(run.length, []);
        this.ticks.get(run.length).push(index);
      }
      for (const starts of this.ticks.values()) starts.reverse(); // those passed are popped off the end
    }
    const starts = this.ticks.get(length) ?? [];
    while (starts.length && starts.at(-1) < from) starts.pop();
    return starts.at(-1) ?? -1;
  }

  readAutolink(at) {
    AUTOLINK.lastIndex = at;
    const match = AUTOLINK.exec(this.text);
    if (!match) return this.addText(at, at + 1);
    const to = at + match[0].length;
    this.tokens.push(
      { type: "open", tag: "a", href: match[1] },
      { type: "text", from: at + 1, to: to - 1 },
      { type: "close" },
    );
    return to;
  }

  addBracket(from, to, image) {
    this.brackets.push({ token: this.tokens.length, image, active: true, runs: this.lastRun });
    this.tokens.push({ type: "text", from, to, bracket: true }); // becomes an "open" if the link is completed
    return to;
  }

  readBracketEnd(at) {
    const opener = this.brackets.pop();
    DESTINATION.lastIndex = at + 1;
    const destination = opener?.active ? DESTINATION.exec(this.text) : null;
    if (!destination) return this.addText(at, at + 1);
    this.matchRuns(opener.runs);
    const href = destination[1] ?? destination[2];
    this.tokens[opener.token] = { type: "open", tag: opener.image ? "img" : "a", href };
    this.tokens.push({ type: "close" });
    if (!opener.image) for (const outer of this.brackets) outer.active &&= outer.image; // no link inside a link
    return at + 1 + destination[0].length;
  }

  /** A run of *, _ or ~ that may open or close emphasis, by what stands on its sides. */
  readRun(at) {
    const char = this.text[at];
    const length = runLength(this.text, at);
    const to = at + length;
    if (char === "~" && length !== 2) return this.addText(at, to);
    const [before, after] = [this.text[at - 1] ?? " ", this.text[to] ?? " "];
    const left = flanks(after, before);
    const right = flanks(before, after);
    const inWord = char === "_" && left && right;
    const run = {
      type: "run",
      char,
      at,
      length,
      from: at, // what is left of it: an opener is spent from its end, a closer from its beginning
      to,
      canOpen: left && (!inWord || PUNCTUATION.test(before)),
      canClose: right && (!inWord || PUNCTUATION.test(after)),
      closes: [], // tags, innermost first
      opens: [],
      before: this.lastRun,
      after: null,
    };
    if (this.lastRun) this.lastRun.after = run;
    this.lastRun = run;
    this.tokens.push(run);
    return to;
  }

  /** Pairs the runs that came after `bottom` (null: all) and forgets them. */
  matchRuns(bottom) {
    if (this.lastRun === bottom) return;
    const searched = new Map(); // for each kind of closer, the position up to which no opener is left
    let closer = this.lastRun;
    while (closer && closer.before !== bottom) closer = closer.before;
    while (closer) {
      if (!closer.canClose || closer.from === closer.to) {
        closer = closer.after;
        continue;
      }
      const kind = `${closer.char}${closer.canOpen}${closer.length % 3}`;
      const floor = searched.get(kind) ?? -1;
      let opener = closer.before;
      while (opener !== bottom && opener.at > floor && !pairs(opener, closer)) opener = opener.before;
      if (opener !== bottom && opener.at > floor) {
        pair(opener, closer);
      } else {
        searched.set(kind, closer.before?.at ?? -1);
        closer = closer.after;
      }
    }
    this.lastRun = bottom;
    if (bottom) bottom.after = null;
  }

  events() {
    const events = [];
    for (const token of this.tokens) {
      if (token.type !== "run") {
        events.push(token);
        continue;
      }
      for (let count = token.closes.length; count > 0; count -= 1) events.push({ type: "close" });
      if (token.to > token.from) events.push({ type: "text", from: token.from, to: token.to });
      for (const tag of token.opens.reverse()) events.push({ type: "open", tag });
    }
    return events;
  }
}

/** Whether a run whose one side is `inner` hugs the word there; `outer` is the character on its other side. */
function flanks(inner, outer) {
  if (/\s/.test(inner)) return false;
  return !PUNCTUATION.test(inner) || /\s/.test(outer) || PUNCTUATION.test(outer);
}

function pairs(opener, closer) {
  if (!opener.canOpen || opener.char !== closer.char || opener.from === opener.to) return false;
  const ambiguous = opener.canClose || closer.canOpen;
  return (
    !ambiguous || (opener.length + closer.length) % 3 !== 0 || (opener.length % 3 === 0 && closer.length % 3 === 0)
  );
}

/** Spends marks of both runs on one element and drops the runs between them. */
function pair(opener, closer) {
  const marks = opener.to - opener.from >= 2 && closer.to - closer.from >= 2 ? 2 : 1;
  const tag = opener.char === "~" ? "del" : marks === 2 ? "strong" : "em";
  opener.opens.push(tag);
  closer.closes.push(tag);
  opener.to -= marks;
  closer.from += marks;
  opener.after = closer;
  closer.before = opener.from === opener.to ? opener.before : opener;
  if (opener.from === opener.to && opener.before) opener.before.after = closer;
}

function runLength(text, at) {
  let end = at;
  while (text[end] === text[at]) end += 1;
  return end - at;
}
