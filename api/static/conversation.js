// The conversation: asks, streams, stops, asks again, and remembers what follow-up questions refer to.

import { streamAnswer } from "./api.js";
import { AnswerView } from "./answer-view.js";

const ABSTAINED = "The documents do not say."; // remembered instead of words that nothing backs
const HISTORY_TURNS = 6; // earlier turns sent along with a question

export class Conversation {
  /**
   * @param {HTMLElement} root  gets one article for each turn
   * @param {{openPlaces, copy, say, busy}} actions  the first two as in AnswerView; `say(text)` speaks to screen
   *   readers, `busy(flag)` tells when an answer is being made
   */
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    this.turns = []; // {question, collection, view, answer: text so far or null, attempts}
    this.request = null;
  }

  get isBusy() {
    return this.request !== null;
  }

  ask(question, collection) {
    const turn = { question, collection, attempts: 0, answer: null, view: null };
    this.turns.push(turn);
    return this.run(turn);
  }

  /** Asks the same again in place; after a complete answer with some freedom, for it would come out the same. */
  again(turn) {
    return this.isBusy ? undefined : this.run(turn);
  }

  stop() {
    this.request?.abort();
  }

  clear() {
    this.stop();
    for (const { view } of this.turns) view.element.remove();
    this.turns = [];
  }

  async run(turn) {
    const request = new AbortController();
    const view = new AnswerView(turn.question, {
      openPlaces: this.actions.openPlaces,
      copy: this.actions.copy,
      again: () => this.again(turn),
    });
    const old = turn.view?.element;
    turn.view = view;
    const asked = this.requestOf(turn);
    turn.answer = null;
    this.request = request;
    this.actions.busy(true);
    this.actions.say("Searching the documents");
    if (old) old.replaceWith(view.element);
    else this.root.append(view.element);
    view.element.scrollIntoView({ block: "start" });
    try {
      for await (const { event, data } of streamAnswer(asked, request.signal)) this.receive(turn, event, data);
    } catch (error) {
      this.failed(turn, error, request.signal.aborted);
    } finally {
      if (this.request === request) {
        this.request = null;
        this.actions.busy(false);
      }
    }
  }

  receive(turn, event, data) {
    if (event === "sources") {
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
    const before = this.turns.slice(0, this.turns.indexOf(turn)).filter(({ answer }) => answer);
    return {
      question: turn.question,
      collection: turn.collection,
      history: before.slice(-HISTORY_TURNS).map(({ question, answer }) => ({ question, answer })),
      temperature: turn.attempts ? 0.7 : 0,
      seed: turn.attempts,
    };
  }
}
