// The text nodes of rendered Markdown, each with the place of its first character in the source.
//
// Law: leaves are in ascending order, and `node.data` is the source's text at `start`. Wrapping a range keeps it.
// Positions are UTF-16 units.

export class TextLeaves {
  constructor() {
    /** @type {{node: Text, start: number}[]} */
    this.list = [];
  }

  add(node, start) {
    this.list.push({ node, start });
  }

  /** Forgets the leaves that begin at `start` or later. */
  truncate(start) {
    this.list.length = this.indexAt(start);
  }

  /** Index of the first leaf that begins at `start` or later. */
  indexAt(start) {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].start < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first leaf with a character at `start` or later; undefined past the last one. */
  leafAt(start) {
    const next = this.indexAt(start + 1);
    const before = this.list[next - 1];
    return before && before.start + before.node.length > start ? before : this.list[next];
  }

  /**
   * Puts each stretch of text between `start` and `end` into an element of its own, made by `create()`.
   * Blanks between blocks and cells are left alone. @returns {HTMLElement[]} in order
   */
  wrap(start, end, create) {
    this.split(start);
    this.split(end);
    const made = [];
    for (let at = this.indexAt(start); at < this.list.length && this.list[at].start < end; at += 1) {
      const { node } = this.list[at];
      if (node.length === 0) continue;
      const wrapper = create();
      node.replaceWith(wrapper);
      wrapper.append(node);
      made.push(wrapper);
    }
    return made;
  }

  /** Makes a leaf begin at `position` if one reaches across it. */
  split(position) {
    const next = this.indexAt(position);
    const leaf = this.list[next - 1];
    if (!leaf || leaf.start + leaf.node.length <= position) return;
    const rest = leaf.node.splitText(position - leaf.start);
    this.list.splice(next, 0, { node: rest, start: position });
  }
}

/** Takes wrappers away again; their text stays. */
export function unwrap(elements) {
  for (const wrapper of elements) wrapper.replaceWith(...wrapper.childNodes);
}
