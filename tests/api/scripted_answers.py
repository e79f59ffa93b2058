"""Answers that a test writes itself and lets through piece by piece."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.document import Span
from qa.answer import (
    Answer,
    AnswerDone,
    AnswerEvent,
    Citation,
    PassagesFound,
    Question,
    RetrievedPassage,
    Sentence,
    SentenceStatus,
    TextDelta,
)
from tests.api.fake_answers import STATS
from tests.fakes.catalog import MemoryCatalog

FREE = 1_000_000


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of an answer and the words of a document that it rests on, as (source, quote) pairs.

    ``glue`` stands between it and the sentence before.
    """

    text: str
    quotes: tuple[tuple[str, str], ...] = ()
    status: SentenceStatus = SentenceStatus.QUOTED
    glue: str = " "


class ScriptedAnswers:
    """Gives ``answer`` to every question: one word for each permit of `let`, the end included, if it is ``gated``.

    ``stopped`` counts streams that were given up.
    """

    def __init__(self, answer: Answer, *, gated: bool = False) -> None:
        self._answer = answer
        self._permits = threading.Semaphore(0 if gated else FREE)
        self.questions: list[Question] = []
        self.stopped = 0

    def let(self, words: int = FREE) -> None:
        """Let ``words`` more pass."""
        self._permits.release(words)

    def answer(self, question: Question, cancel: threading.Event | None = None) -> Iterator[AnswerEvent]:
        self.questions.append(question)
        yield PassagesFound(self._answer.passages)
        for word in re.findall(r"\S+\s*|\s+", self._answer.text):
            if not self._may_go_on(cancel or threading.Event()):
                return
            yield TextDelta(word)
        if self._may_go_on(cancel or threading.Event()):
            yield AnswerDone(self._answer)

    def _may_go_on(self, cancel: threading.Event) -> bool:
        while not self._permits.acquire(timeout=0.02):
            if cancel.is_set():
                self.stopped += 1
                return False
        return True


def compose(catalog: MemoryCatalog, said: Sequence[Said], finish_reason: str = "stop") -> Answer:
    """The answer made of these sentences; its passages are those that hold the quotes, in order."""
    found: list[RetrievedPassage] = []
    sentences: list[Sentence] = []
    text = ""
    for sentence in said:
        citations = tuple(_citation(catalog, found, source, quote) for source, quote in sentence.quotes)
        text += sentence.glue if text else ""
        span = Span(len(text), len(text) + len(sentence.text))
        text += sentence.text
        sentences.append(Sentence(sentence.text, span, sentence.status, citations))
    return Answer(text, False, tuple(sentences), tuple(found), (), STATS, finish_reason)


def _citation(catalog: MemoryCatalog, found: list[RetrievedPassage], source: str, quote: str) -> Citation:
    revision = next(known for known in catalog.current(None) if known.source == source)
    document = catalog.document(revision.id)
    start = document.text.index(quote)
    span = Span(start, start + len(quote))
    number = _passage_number(catalog, found, revision.id, span)
    return Citation(
        document_id=revision.document_id,
        source=source,
        title=revision.title,
        revision=revision.number,
        revision_id=revision.id,
        section_path=document.section_path_at(start),
        page=document.pages.page_at(start),
        span=span,
        quote=quote,
        passage=number,
    )


def _passage_number(catalog: MemoryCatalog, found: list[RetrievedPassage], revision_id: str, span: Span) -> int:
    for retrieved in found:
        stored = retrieved.stored
        if stored.revision.id == revision_id and stored.passage.span.contains(span):
            return retrieved.rank
    stored = next(stored for stored in catalog.passages_of(revision_id) if stored.passage.span.overlaps(span))
    found.append(RetrievedPassage(stored, 0.7, 1.0, 1.0, len(found) + 1))
    return len(found)
