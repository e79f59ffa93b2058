"""Answers without a language model: composed, the same way each time, from the passages whose words match."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Event

from ingest.catalog import Catalog
from ingest.document import Span
from qa.answer import (
    Answer,
    AnswerDone,
    AnswerEvent,
    AnswerStats,
    Citation,
    DraftCount,
    PassagesFound,
    Question,
    RetrievedPassage,
    Sentence,
    SentenceStatus,
    TextDelta,
)

ABSTENTION = "The documents do not say."
PARAPHRASE = "In short, that is what the manual asks for."
INVENTION = "It has always been so, at least since the first edition."
SENTENCE = re.compile(r"[A-Z][^.!?\n|#]{20,}[.!?]")
STATS = AnswerStats(
    prompt_tokens=120,
    output_tokens=40,
    target_steps=16,
    drafted_tokens=60,
    accepted_tokens=24,
    ttft_s=0.5,
    decode_tokens_per_s=20.0,
    total_s=2.5,
    cached_tokens=80,
    drafts=(DraftCount("successor", 20, 2), DraftCount("text", 40, 22)),
)


class FakeAnswers:
    """Quotes the best passage's first sentences, then adds a supported and an unsupported one.

    ``delay`` is the pause in seconds before each word. A question with the word "fail" raises, one that shares no
    word with any document is not answered. ``finished`` counts answers that came to their end, ``stopped`` those
    that were given up; ``questions`` keeps what was asked.
    """

    def __init__(self, catalog: Catalog, delay: float = 0.0, passages: int = 5) -> None:
        self._catalog = catalog
        self._delay = delay
        self._passages = passages
        self.questions: list[Question] = []
        self.finished = 0
        self.stopped = 0

    def answer(self, question: Question, cancel: Event | None = None) -> Iterator[AnswerEvent]:
        self.questions.append(question)
        try:
            yield from self._answer(question, cancel or Event())
        except GeneratorExit:
            self.stopped += 1
            raise
        self.finished += 1

    def _answer(self, question: Question, cancel: Event) -> Iterator[AnswerEvent]:
        if "fail" in question.text.lower().split():
            raise RuntimeError("secret detail of the inside")
        found = self._found(question)
        answer = self._compose(found) if found and "weather" not in question.text.lower() else self._abstain(found)
        yield PassagesFound(answer.passages)
        for word in re.findall(r"\S+\s*|\s+", answer.text):
            if self._delay and cancel.wait(self._delay):
                break
            yield TextDelta(word)
        yield AnswerDone(answer)

    def _found(self, question: Question) -> tuple[RetrievedPassage, ...]:
        hits = [hit for hit in self._catalog.search(question.collection, question.text, 50, question.scope)]
        stored = self._catalog.passages([hit.passage_id for hit in hits], question.scope)
        citable = [hit for hit in hits if SENTENCE.search(stored[hit.passage_id].passage.text)][: self._passages]
        return tuple(
            RetrievedPassage(stored[hit.passage_id], 0.75 - rank / 20, hit.score, 1 / (60 + rank), rank)
            for rank, hit in enumerate(citable, 1)
        )

    def _abstain(self, found: tuple[RetrievedPassage, ...]) -> Answer:
        return Answer(ABSTENTION, True, (), (), found[:3], STATS, "stop")

    def _compose(self, found: tuple[RetrievedPassage, ...]) -> Answer:
        text = ""
        sentences: list[Sentence] = []

        def add(sentence: str, status: SentenceStatus, citations: tuple[Citation, ...], mark: str = "") -> None:
            nonlocal text
            text += " " if text else ""
            span = Span(len(text), len(text) + len(sentence))
            text += sentence + mark
            sentences.append(Sentence(sentence, span, status, citations))

        for retrieved in found[:2]:
            for match in list(SENTENCE.finditer(retrieved.stored.passage.text))[:2]:
                citation = self._citation(retrieved, Span(match.start(), match.end()))
                add(match[0], SentenceStatus.QUOTED, (citation,), f" [{retrieved.rank}]")
        add(PARAPHRASE, SentenceStatus.SUPPORTED, sentences[0].citations)
        add(INVENTION, SentenceStatus.UNSUPPORTED, ())
        return Answer(text, False, tuple(sentences), found, (), STATS, "stop")

    def _citation(self, retrieved: RetrievedPassage, within: Span) -> Citation:
        revision, passage = retrieved.stored.revision, retrieved.stored.passage
        span = Span(passage.span.start + within.start, passage.span.start + within.end)
        document = self._catalog.document(revision.id)
        return Citation(
            document_id=revision.document_id,
            source=revision.source,
            title=revision.title,
            revision=revision.number,
            revision_id=revision.id,
            section_path=document.section_path_at(span.start),
            page=document.pages.page_at(span.start),
            span=span,
            quote=span.of(document.text),
            passage=retrieved.rank,
        )
