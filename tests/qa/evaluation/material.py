"""Small documents, passages and answers to measure by hand."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.document import Document, DocumentId, PageMap, Passage, Revision, Section, Span, StoredPassage
from qa.answer import Answer, AnswerStats, Citation, RetrievedPassage, Sentence, SentenceStatus
from qa.evaluation.questions import GoldQuestion

STATS = AnswerStats(100, 20, 10, 30, 9, 0.5, 40.0, 1.0)


def document(source: str, text: str, sections: Sequence[tuple[str, int, int]] = ()) -> Document:
    """A document of one page with sections as (heading, start, end)."""
    return Document(
        source=source,
        title=source,
        text=text,
        content_hash="0" * 64,
        media_type="text/plain",
        pages=PageMap((0,)),
        sections=tuple(Section((heading,), 1, Span(start, end)) for heading, start, end in sections),
    )


def revision(source: str) -> Revision:
    return Revision(
        id=f"rev-{source}",
        document_id=DocumentId(f"doc-{source}"),
        collection="default",
        source=source,
        number=1,
        title=source,
        content_hash="0" * 64,
        media_type="text/plain",
        valid_from=0.0,
        valid_to=None,
        passage_count=1,
    )


def retrieved(rank: int, source: str, start: int, end: int) -> RetrievedPassage:
    passage = Passage(rank, Span(start, end), "x" * (end - start), ("S",), None)
    stored = StoredPassage(f"{source}-{start}", revision(source), passage)
    return RetrievedPassage(stored, similarity=None, lexical=None, score=1 / rank, rank=rank)


def citation(source: str, text: str, start: int, end: int) -> Citation:
    """A citation of the characters of ``text``, right in every part."""
    return Citation(
        document_id=f"doc-{source}",
        source=source,
        title=source,
        revision=1,
        revision_id=f"rev-{source}",
        section_path=("S",),
        page=1,
        span=Span(start, end),
        quote=text[start:end],
        passage=1,
    )


def answer(
    *sentences: tuple[str, SentenceStatus, Sequence[Citation]], abstained: bool = False, stats: AnswerStats = STATS
) -> Answer:
    """An answer of the sentences, one after the other."""
    text, built = "", []
    for words, status, citations in sentences:
        built.append(Sentence(words, Span(len(text), len(text) + len(words)), status, tuple(citations)))
        text += words + " "
    return Answer(text.strip(), abstained, tuple(built), (), (), stats, "stop")


def question(identifier: str, kind: str = "single", **fields: object) -> GoldQuestion:
    """A question; gold and facts are filled in where the kind needs them."""
    gold = [{"document": "a", "section": ["S"], "quote": f"quote {i}"} for i in range(2 if kind == "two" else 1)]
    needed: dict[str, object] = {} if kind == "unanswerable" else {"gold": gold, "facts": [["5 s"]]}
    if kind == "followup":
        needed["history"] = [{"question": "Q?", "answer": "A."}]
    return GoldQuestion.model_validate({"id": identifier, "kind": kind, "question": "Q?"} | needed | fields)
