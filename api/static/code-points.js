// Positions in a string, counted in two ways.
//
// The server counts code points, JavaScript counts UTF-16 units; they differ after every character outside the
// basic plane. This is the only place where one becomes the other.

export class CodePoints {
  /** @param {string} text */
  constructor(text) {
    this.units = text.length;
    /** Code point position of each character that takes two units, in ascending order. */
    this.wide = [];
    const pairs = /[\u{10000}-\u{10FFFF}]/gu;
    for (let match = pairs.exec(text); match; match = pairs.exec(text)) {
      this.wide.push(match.index - this.wide.length);
    }
  }

  /** Code points in the whole text. */
  get length() {
    return this.units - this.wide.length;
  }

  /** Position in units of the code point at `point`; positions past the end become the end. */
  toUnits(point) {
    const within = Math.max(0, Math.min(point, this.length));
    return within + countBelow(this.wide, (position) => position < within);
  }

  /** Position in code points of the unit at `unit`; the middle of a pair counts as its beginning. */
  toPoints(unit) {
    const within = Math.max(0, Math.min(unit, this.units));
    return within - countBelow(this.wide, (position, before) => position + before < within);
  }
}

/** How many code points `text` has. */
export function countPoints(text) {
  return new CodePoints(text).length;
}

/** Length of the prefix of `sorted` whose members satisfy `below(value, index)`. */
function countBelow(sorted, below) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (below(sorted[middle], middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
