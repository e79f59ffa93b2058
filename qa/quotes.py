"""An answer in the documents' own words: the places nearest to a question, letter for letter.

No model writes here. It answers where a model does not: small ones say too often that the documents hold nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ingest.document import Document, Span
from ingest.embedder import Embedder
from qa.answer import RetrievedPassage, Sentence, SentenceStatus
from qa.citations import citation_of
from qa.evidence import Evidence, Form, Unit
from qa.tables import delimiter_row, is_delimiter_row, is_row
from qa.words import content_stems

LEAD_IN = "The documents say:"


@dataclass(frozen=True, slots=True)
class QuotesConfig:
    """How many places are quoted and how near they must be.

    A place's nearness is the cosine between it, under its headings, and the question, plus ``words_weight`` times the
    share (by inverse frequency) of the question's words that it holds itself or by its context, plus ``rank_weight``
    over the rank of its passage. Places of fewer than ``min_tokens`` words say too little and lose ``short_cost``.
    When the best is below ``min_nearness`` nothing is quoted, nor below ``min_nearness_refused`` when the model said
    that the documents hold no answer, or does not stand by its own: that is right more often than an answer that no
    passage carries is beside the point. Both thresholds were set on one half of the sample questions.
    """

    places: int = 3
    words_weight: float = 0.5
    rank_weight: float = 0.1
    min_tokens: int = 5
    short_cost: float = 0.3
    min_nearness: float = 0.68
    min_nearness_refused: float = 0.92


@dataclass(frozen=True, slots=True)
class Quotes:
    """Text made of quotations; the sentences' spans are in ``text``."""

    text: str
    sentences: tuple[Sentence, ...]

    def after(self, text: str) -> tuple[Sentence, ...]:
        """The sentences as they stand once ``text`` precedes them."""
        by = len(text)
        return tuple(replace(one, span=Span(one.span.start + by, one.span.end + by)) for one in self.sentences)


class Quoter:
    """Chooses what to quote; ``embedder`` compares places with the question."""

    def __init__(self, embedder: Embedder, config: QuotesConfig | None = None) -> None:
        self._embedder = embedder
        self._config = config or QuotesConfig()

    def quote(
        self,
        question: str,
        passages: Sequence[RetrievedPassage],
        documents: Mapping[str, Document],
        *,
        refused: bool = False,
    ) -> Quotes | None:
        """The nearest places of ``passages``, best first, as an answer to ``question``; None when none is near.

        ``documents`` holds the document of each passage by revision id; ``refused``: the model saw no answer there.
        """
        evidence = Evidence(passages, documents)
        units = [unit for unit in evidence.units if unit.form is not Form.HEADING and not _is_header(unit, passages)]
        if not units:
            return None
        scores = self._nearness(question, units, evidence, passages, documents)
        if max(scores) < (self._config.min_nearness_refused if refused else self._config.min_nearness):
            return None
        ranked = sorted(range(len(units)), key=lambda at: (-scores[at], at))
        return _quotes([units[at] for at in ranked[: self._config.places]], evidence, passages, documents)

    def _nearness(
        self,
        question: str,
        units: Sequence[Unit],
        evidence: Evidence,
        passages: Sequence[RetrievedPassage],
        documents: Mapping[str, Document],
    ) -> list[float]:
        config = self._config
        vectors = self._embedder.embed([question, *(_with_headings(unit, passages, documents) for unit in units)])
        cosines = np.asarray(vectors[1:], dtype=np.float64) @ np.asarray(vectors[0], dtype=np.float64)
        weights = {word: evidence.weight(word) for word in sorted(set(content_stems(question)))}
        total = sum(weights.values()) or 1.0
        return [
            float(cosine)
            + config.words_weight * sum(weight * unit.share(word) for word, weight in weights.items()) / total
            + config.rank_weight / (1 + unit.passage)
            - (config.short_cost if len(unit.tokens) < config.min_tokens else 0.0)
            for unit, cosine in zip(units, cosines, strict=True)
        ]


def _text_of(unit: Unit, passages: Sequence[RetrievedPassage]) -> str:
    passage = passages[unit.passage].stored.passage
    return passage.text[unit.span.start - passage.span.start : unit.span.end - passage.span.start]


def _is_header(unit: Unit, passages: Sequence[RetrievedPassage]) -> bool:
    return unit.form is Form.ROW and is_delimiter_row(_text_of(unit, passages).splitlines()[-1])


def _with_headings(unit: Unit, passages: Sequence[RetrievedPassage], documents: Mapping[str, Document]) -> str:
    document = documents[passages[unit.passage].stored.revision.id]
    return f"{' > '.join(document.section_path_at(unit.span.start)[-2:])}: {unit.span.of(document.text)}"


def _quotes(
    units: Sequence[Unit],
    evidence: Evidence,
    passages: Sequence[RetrievedPassage],
    documents: Mapping[str, Document],
) -> Quotes:
    text = LEAD_IN
    begin = 0
    sentences = []
    for unit in units:
        header = _header(unit, evidence, passages)
        text += "\n\n" + "".join(f"{line}\n" for line in header) + _block(unit, passages)
        cited = citation_of(passages[unit.passage], unit.passage, unit.span, documents)
        span = Span(begin, len(text))
        sentences.append(Sentence(span.of(text), span, SentenceStatus.QUOTED, (cited,)))
        begin = len(text) + 2
    return Quotes(text, tuple(sentences))


def _block(unit: Unit, passages: Sequence[RetrievedPassage]) -> str:
    """The place as a block of Markdown that stays what it was."""
    text = _text_of(unit, passages)
    return f"```\n{text}\n```" if unit.form is Form.LINE else text


def _header(unit: Unit, evidence: Evidence, passages: Sequence[RetrievedPassage]) -> Iterator[str]:
    """The lines of the header without which a row's cells say nothing."""
    if unit.form is not Form.ROW:
        return
    before = [other for other in evidence.units if other.passage == unit.passage and other.index < unit.index]
    for other in reversed(before):
        if other.form is not Form.ROW:
            return
        if _is_header(other, passages):
            yield from _text_of(other, passages).splitlines()
            return
    # A passage that begins inside a table has its header in front, the row of dashes left out.
    lines = [line for line in passages[unit.passage].stored.passage.lead_in.splitlines() if is_row(line)]
    yield from lines
    if lines and not is_delimiter_row(lines[-1]):
        yield delimiter_row(lines[-1])
