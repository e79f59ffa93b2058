// The conversation: asks, streams, stops, asks again. What follow-up questions refer to is kept by the server or, where
// it keeps nothing, sent along.

import { streamAnswer } from "./api.js";
import { AnswerView } from "./answer-view.js";

const ABSTAINED = "The documents do not say."; // remembered instead of words that nothing backs
const HISTORY_TURNS = 6; // earlier turns sent along with a question

export class Conversation {
  /**
   * @param {HTMLElement} root  gets one article for each turn
   * @param {{openPlaces, copy, rate, say, busy, begin}} actions  the first three as in AnswerView; `say(text)` speaks to
   *   screen readers, `busy(flag)` tells when an answer is being made; `begin(collection)` has the server begin a
   *   conversation and resolves to its id; resolves to null, or is left out, where it keeps none
   */
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.id = null; // the server's name for it, once it keeps it
    this.turns = []; // {question, collection, view, answer: text so far or null, attempts, noted: by the server}
    this.request = null;
  }

  get isBusy() {
    return this.request !== null;
  }

  ask(question, collection) {
    return this.run(this.add({ question, collection, attempts: 0, answer: null, noted: false }));
  }

  /** Shows a conversation as the server has kept it, in place of this one. */
  show({ id, turns }) {
    this.clear();
    this.id = id;
    for (const { question, text, answer, rating } of turns) {
      const collection = answer?.collection ?? null;
      const turn = this.add({ question, collection, attempts: answer ? 1 : 0, answer: text, noted: true });
      this.root.append(turn.view.element);
      turn.view.restore(text, answer, rating);
    }
    this.turns.at(-1)?.view.element.scrollIntoView({ block: "start" });
  }

  add(turn) {
    this.turns.push(turn);
    turn.view = this.viewOf(turn);
    return turn;
  }

  viewOf(turn) {
    const { openPlaces, copy, rate } = this.actions;
    return new AnswerView(turn.question, { openPlaces, copy, rate, again: () => this.again(turn) });
  }

  /** Asks the last question again in place; after a complete answer with some freedom, for it would come out the same. */
  again(turn) {
    if (this.isBusy || turn !== this.turns.at(-1)) return undefined;
    const old = turn.view.element;
    turn.view = this.viewOf(turn);
    old.replaceWith(turn.view.element);
    return this.run(turn);
  }

  stop() {
    this.request?.abort();
  }

  clear() {
    this.stop();
    for (const { view } of this.turns) view.element.remove();
    this.turns = [];
    this.id = null;
  }

  async run(turn) {
    const request = new AbortController();
    const { element } = turn.view;
    turn.answer = null;
    this.request = request;
    this.actions.busy(true);
    this.actions.say("Searching the documents");
    if (!element.isConnected) this.root.append(element);
    element.scrollIntoView({ block: "start" });
    try {
      await this.begin(turn, request.signal);
      const events = streamAnswer(this.requestOf(turn), request.signal);
      for await (const { event, data } of events) this.receive(turn, event, data);
    } catch (error) {
      this.failed(turn, error, request.signal.aborted);
    } finally {
      if (this.request === request) {
        this.request = null;
        this.actions.busy(false);
      }
    }
  }

  async begin({ collection }, signal) {
    if (this.id !== null || !this.actions.begin) return;
    const id = await this.actions.begin(collection);
    signal.throwIfAborted(); // it may be another conversation by now
    this.id = id;
  }

  receive(turn, event, data) {
    if (event === "accepted") {
      turn.noted = true;
    } else if (event === "sources") {
      turn.view.showSources(data.sources);
      this.actions.say(`Answering from ${data.sources.length} passages`);
    } else if (event === "delta") {
      turn.answer = (turn.answer ?? "") + data.text;
      turn.view.append(data.text);
    } else if (event === "answer") {
      turn.answer = data.abstained ? ABSTAINED : data.answer;
      turn.attempts += 1;
      turn.view.finish(data);
      this.actions.say(data.abstained ? "Not in the documents" : `Answer: ${data.answer}`);
    }
  }

  failed(turn, error, stopped) {
    if (stopped) {
      turn.view.stop();
      this.actions.say("Stopped");
      return;
    }
    turn.view.fail(error);
    this.actions.say(`${error.title ?? error.message}. ${error.detail ?? ""}`);
  }

  requestOf(turn) {
    return {
      question: turn.question,
      collection: turn.collection,
      ...(this.id === null ? { history: this.historyOf(turn) } : { conversation: this.id, replace: turn.noted }),
      temperature: turn.attempts ? 0.7 : 0,
      seed: turn.attempts,
    };
  }

  historyOf(turn) {
    const before = this.turns.slice(0, this.turns.indexOf(turn)).filter(({ answer }) => answer);
    return before.slice(-HISTORY_TURNS).map(({ question, answer }) => ({ question, answer }));
  }
}
