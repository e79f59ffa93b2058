"""Curated answers: what a person has verified, served for her question and for those that ask the same.

A curated answer names its sources, as spans of revisions. It holds while those revisions hold and until its expiry;
after that it is never shown again, only told of. Who may not read one of its sources does not learn that it exists.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from ingest.catalog import Catalog
from ingest.document import Document, DocumentId, Passage, Revision, Span, StoredPassage
from ingest.scope import Scope
from qa.answer import (
    Answer,
    AnswerDone,
    AnswerEvent,
    AnswerStats,
    CuratedMark,
    Freshness,
    Mode,
    Origin,
    PassagesFound,
    Question,
    RetrievedPassage,
    Sentence,
    SentenceStatus,
    TextDelta,
)
from qa.citations import citation_of, cite
from qa.conversation import leans_on_history
from qa.question_match import QuestionMatcher


@dataclass(frozen=True, slots=True)
class CuratedSource:
    """``quote`` is what stood at ``span`` of that revision when the answer was verified."""

    document_id: str
    revision: int
    span: Span
    quote: str


@dataclass(frozen=True, slots=True)
class CuratedAnswer:
    """A verified answer to ``question`` and its ``variants``. Times are UTC seconds since the epoch."""

    id: str
    collection: str
    question: str
    variants: tuple[str, ...]
    text: str
    sources: tuple[CuratedSource, ...]
    owner: str
    created_at: float
    verified_at: float
    expires_at: float | None


class Pinned(Protocol):
    """Where curated answers are kept."""

    def questions(self, collection: str) -> Sequence[tuple[str, Sequence[str]]]:
        """The id of each answer in a collection, with its questions."""
        ...

    def find(self, id: str) -> CuratedAnswer:
        """Raises KeyError."""
        ...


class SourceNotFound(ValueError):
    """A source that does not stand in the document's present revision; the message says which and why."""


class CuratedAnswers:
    """Finds and checks the curated answers of one store; for many threads."""

    def __init__(
        self, pinned: Pinned, catalog: Catalog, matcher: QuestionMatcher, clock: Callable[[], float] = time.time
    ) -> None:
        self._pinned = pinned
        self._catalog = catalog
        self._matcher = matcher
        self._clock = clock

    def find(self, question: Question) -> CuratedAnswer | None:
        """The curated answer to ``question`` that its asker may read, whether it still holds or not.

        None for questions about the past, for those that want quotations, and for follow-ups that do not stand alone.
        """
        follows = bool(question.history) and leans_on_history(question.text)
        if question.mode is not Mode.ANSWER or question.scope.as_of is not None or follows:
            return None
        known = self._pinned.questions(question.collection)
        readable: dict[str, CuratedAnswer] = {}

        def allowed(id: str) -> bool:
            with suppress(KeyError):  # deleted meanwhile
                curated = self._pinned.find(id)
                if self.readable(curated, question.scope):
                    readable[id] = curated
            return id in readable

        # What may not be read is no candidate: it neither stands before another one nor takes time that tells of it.
        found = self._matcher.same(question.text, known, allowed)
        return None if found is None else readable[found]

    def readable(self, curated: CuratedAnswer, scope: Scope) -> bool:
        """Whether whoever asks may read every document that it cites, of which nothing may be left but their labels."""
        for document in {source.document_id for source in curated.sources}:
            history = self._catalog.history(DocumentId(document))
            if scope.labels is not None and not (history and scope.reads(history[-1].labels)):
                return False
        return True

    def mark(self, curated: CuratedAnswer) -> CuratedMark:
        """What is said of it beside an answer."""
        return CuratedMark(
            id=curated.id,
            question=curated.question,
            owner=curated.owner,
            verified_at=curated.verified_at,
            expires_at=curated.expires_at,
            freshness=self.freshness(curated),
        )

    def freshness(self, curated: CuratedAnswer) -> Freshness:
        """Whether it still holds."""
        if any(not self.holds(source) for source in curated.sources):
            return Freshness.STALE
        expired = curated.expires_at is not None and self._clock() >= curated.expires_at
        return Freshness.EXPIRED if expired else Freshness.CURRENT

    def holds(self, source: CuratedSource) -> bool:
        """Whether the revision that it cites is the one that holds now."""
        revision = self._catalog.revision(DocumentId(source.document_id), source.revision)
        return revision is not None and revision.valid_to is None

    def stands(self, source: CuratedSource) -> bool:
        """Whether the quote still stands, somewhere, in the document's present revision."""
        try:
            self.source(source.document_id, source.quote, source.span)
        except SourceNotFound:
            return False
        return True

    def source(self, document: str, quote: str, near: Span | None = None) -> CuratedSource:
        """``quote`` as a source in the present revision of ``document``: where it stands nearest to ``near``'s start.

        Raises `SourceNotFound`.
        """
        revision = self._current(document)
        text = self._catalog.document(revision.id).text
        starts = _starts(text, quote)
        if not starts:
            raise SourceNotFound(f"the quote does not stand, letter for letter, in {revision.source}")
        wanted = near.start if near is not None else 0
        start = min(starts, key=lambda at: (abs(at - wanted), at))
        return CuratedSource(document, revision.number, Span(start, start + len(quote)), quote)

    def renewed(self, curated: CuratedAnswer) -> CuratedAnswer:
        """Verified now, with its sources in the present revisions. Raises `SourceNotFound`."""
        sources = tuple(self.source(source.document_id, source.quote, source.span) for source in curated.sources)
        return replace(curated, sources=sources, verified_at=self._clock())

    def look_up(self, question: Question) -> tuple[CuratedMark | None, Answer | None]:
        """The mark of the curated answer that ``question`` has, and the answer itself if it holds."""
        found = self.find(question)
        if found is None:
            return None, None
        mark = self.mark(found)
        return mark, self.answer(found, mark) if mark.freshness is Freshness.CURRENT else None

    def before(self, make: Callable[[Question], Iterator[AnswerEvent]], question: Question) -> Iterator[AnswerEvent]:
        """The events of the curated answer to ``question``, else of the one that ``make`` gives, with the mark."""
        mark, answer = self.look_up(question)
        for event in make(question) if answer is None else events(answer):
            yield AnswerDone(replace(event.answer, curated=mark)) if isinstance(event, AnswerDone) else event

    def answer(self, curated: CuratedAnswer, mark: CuratedMark) -> Answer:
        """It as an answer: its sentences are cited as any other's; those that only the person vouches for, verified."""
        started = time.perf_counter()
        passages, documents = self._passages(curated.sources)
        cited = cite(curated.text, passages, documents, curated.question)
        return Answer(
            text=curated.text,
            abstained=False,
            sentences=tuple(_vouched(sentence, passages, documents) for sentence in cited),
            passages=passages,
            nearest=(),
            stats=AnswerStats(0, 0, 0, 0, 0, 0.0, 0.0, time.perf_counter() - started),
            finish_reason="stop",
            origin=Origin.CURATED,
            curated=mark,
        )

    def _current(self, document: str) -> Revision:
        history = self._catalog.history(DocumentId(document))
        if not history or history[-1].valid_to is not None:
            raise SourceNotFound(
                f"there is no document {document!r} any more" if history else f"no document {document!r}"
            )
        return history[-1]

    def _passages(self, sources: Sequence[CuratedSource]) -> tuple[tuple[RetrievedPassage, ...], dict[str, Document]]:
        """The sources as passages of just these words. Only of revisions that hold."""
        passages: list[RetrievedPassage] = []
        documents: dict[str, Document] = {}
        for rank, source in enumerate(sources, 1):
            revision = self._catalog.revision(DocumentId(source.document_id), source.revision)
            if revision is None:
                raise KeyError(source.document_id)
            document = documents.setdefault(revision.id, self._catalog.document(revision.id))
            stored = StoredPassage(f"{revision.id}:{source.span.start}", revision, _passage(document, source.span))
            passages.append(RetrievedPassage(stored, None, None, 1.0, rank))
        return tuple(passages), documents


def events(answer: Answer) -> tuple[AnswerEvent, ...]:
    """A finished answer as the events of a stream."""
    return PassagesFound(answer.passages), TextDelta(answer.text), AnswerDone(answer)


def _passage(document: Document, span: Span) -> Passage:
    first, last = document.pages.page_at(span.start), document.pages.page_at(max(span.start, span.end - 1))
    return Passage(
        ordinal=0,
        span=span,
        text=span.of(document.text),
        section_path=document.section_path_at(span.start),
        pages=(first, last) if first is not None and last is not None else None,
    )


def _vouched(sentence: Sentence, passages: Sequence[RetrievedPassage], documents: Mapping[str, Document]) -> Sentence:
    """A sentence that no source carries by the machine's judgement rests on all of them by the person's."""
    if sentence.status is not SentenceStatus.UNSUPPORTED:
        return sentence
    citations = tuple(
        citation_of(found, number, found.stored.passage.span, documents) for number, found in enumerate(passages)
    )
    return replace(sentence, status=SentenceStatus.VERIFIED, citations=citations)


def _starts(text: str, quote: str) -> list[int]:
    starts: list[int] = []
    at = text.find(quote)
    while at >= 0:
        starts.append(at)
        at = text.find(quote, at + 1)
    return starts
