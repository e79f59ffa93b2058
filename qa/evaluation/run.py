"""Putting the questions to the product: the same calls that answer people, one question after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from qa.answer import Answer, AnswerDone, AnswerEvent, Question, RetrievedPassage
from qa.conversation import retrieve_in_context
from qa.evaluation.journal import Journal
from qa.evaluation.questions import GoldQuestion
from qa.evaluation.retrieval import DEPTH, Find
from qa.retriever import Retriever

Ask = Callable[[Question], Iterator[AnswerEvent]]


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question with its answer; ``kept``: taken from the journal instead of asked now."""

    question: GoldQuestion
    answer: Answer
    kept: bool


def finder(retriever: Retriever, collection: str, history_turns: int) -> Find:
    """Retrieval as an answer's passages are retrieved, history included, `DEPTH` passages deep."""

    def find(question: GoldQuestion) -> Sequence[RetrievedPassage]:
        history = question.turns[-history_turns:] if history_turns else ()
        return retrieve_in_context(retriever, question.question, history, collection, DEPTH)

    return find


def ask_all(
    questions: Iterable[GoldQuestion], collection: str, ask: Ask, journal: Journal | None = None
) -> Iterator[AskedQuestion]:
    """Answer the questions in order; what ``journal`` holds is not asked again, what is asked goes there at once."""
    for question in questions:
        record = journal.get(question) if journal else None
        if record is not None:
            yield AskedQuestion(question, record.answer, kept=True)
            continue
        answer = _finished(ask(Question(question.question, collection, question.turns)))
        if journal:
            journal.append(question, answer)
        yield AskedQuestion(question, answer, kept=False)


def _finished(events: Iterator[AnswerEvent]) -> Answer:
    for event in events:
        if isinstance(event, AnswerDone):
            return event.answer
    raise RuntimeError("the answer's events ended without an answer")
