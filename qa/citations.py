"""Chapter and verse for each sentence of an answer, found by the machine and true by construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.document import Document, Span
from qa.answer import Citation, RetrievedPassage, Sentence
from qa.claims import claims
from qa.evidence import Evidence, Unit
from qa.support import Judge
from qa.words import content_stems


def cite(
    text: str,
    passages: Sequence[RetrievedPassage],
    documents: Mapping[str, Document],
    question: str = "",
) -> tuple[Sentence, ...]:
    """Cut an answer into sentences, each with its status and its citations into ``passages``.

    ``documents`` holds the document of each passage by revision id. ``question`` breaks ties between places that
    carry a sentence equally well, and its wording, as far as no document uses it, is not asked of them. The
    sentences are in order and disjoint and leave out nothing visible.
    """
    evidence = Evidence(passages, documents)
    judge = Judge(evidence, frozenset(content_stems(question)))
    sentences = []
    for claim in claims(text):
        verdict = judge.verdict(claim)
        citations = tuple(
            citation_of(passages[number], number, span, documents) for number, span in _spans(verdict.units)
        )
        sentences.append(Sentence(claim.span.of(text), claim.span, verdict.status, citations))
    return tuple(sentences)


def _spans(units: Sequence[Unit]) -> list[tuple[int, Span]]:
    """Passage and span of each place to cite; units that follow one another are one place."""
    order: dict[tuple[int, int], None] = {}
    by_place = {(unit.passage, unit.index): unit for unit in units}
    spans: list[tuple[int, Span]] = []
    for unit in units:
        first = last = unit.index
        if (unit.passage, unit.index) in order:
            continue
        while (unit.passage, first - 1) in by_place:
            first -= 1
        while (unit.passage, last + 1) in by_place:
            last += 1
        order.update(dict.fromkeys((unit.passage, index) for index in range(first, last + 1)))
        start, end = by_place[unit.passage, first].span.start, by_place[unit.passage, last].span.end
        spans.append((unit.passage, Span(start, end)))
    return spans


def citation_of(found: RetrievedPassage, number: int, span: Span, documents: Mapping[str, Document]) -> Citation:
    """The citation of ``span`` in the document of ``found``, which stands at ``number`` (from 0) among those shown."""
    revision = found.stored.revision
    document = documents[revision.id]
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
        passage=number + 1,
    )
