// Server-Sent Events read from a fetch response, since EventSource can only GET.

/** Cuts text that arrives in arbitrary pieces into events `{event, data}`. */
export class EventStreamParser {
  constructor() {
    this.pending = ""; // an unfinished line
    this.afterReturn = false; // the last piece ended in CR, whose LF may come with the next one
    this.started = false;
    this.reset();
  }

  reset() {
    this.event = "";
    this.data = [];
  }

  /** @returns {{event: string, data: string}[]} the events that `piece` completed */
  push(piece) {
    if (piece === "") return [];
    if (!this.started) {
      piece = piece.replace(/^\uFEFF/, "");
      this.started = true;
    }
    const rest = this.afterReturn && piece.startsWith("\n") ? piece.slice(1) : piece;
    this.afterReturn = piece.endsWith("\r");
    const lines = (this.pending + rest).split(/\r\n|\r|\n/);
    this.pending = lines.pop();
    return lines.map((line) => this.line(line)).filter((event) => event !== null);
  }

  line(line) {
    if (line === "") return this.dispatch();
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    if (field === "data") this.data.push(value);
    return null;
  }

  dispatch() {
    const complete = this.data.length ? { event: this.event || "message", data: this.data.join("\n") } : null;
    this.reset();
    return complete;
  }
}

/** Events of a response body, as they arrive. An event the stream broke off in is dropped. */
export async function* readEvents(body) {
  const parser = new EventStreamParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      yield* parser.push(done ? decoder.decode() : decoder.decode(value, { stream: true }));
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => {}); // the body may already have failed
  }
}
