"""Fakes of question answering."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.catalog import Catalog
from ingest.lexical_query import STOP_WORDS, words_of
from ingest.scope import NOW, Scope
from qa.answer import RetrievedPassage


class WordRetriever:
    """Ranks a catalog's passages by the share of the question's words that they hold; ``asked`` keeps the calls."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.asked: list[tuple[str, str, int]] = []

    def retrieve(self, question: str, collection: str, k: int, scope: Scope = NOW) -> Sequence[RetrievedPassage]:
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        self.asked.append((question, collection, k))
        wanted = set(words_of(question)) - STOP_WORDS
        scored = []
        for stored in self._catalog.passages_within(collection, scope):
            title, path = stored.revision.title, " ".join(stored.passage.section_path)
            words = set(words_of(f"{title} {path} {stored.passage.text}"))
            score = len(wanted & words) / max(1, len(wanted))
            scored.append((-score, stored.id, stored))
        nearest = sorted(scored, key=lambda entry: entry[:2])[:k]
        return [
            RetrievedPassage(stored, similarity=-score, lexical=None, score=-score, rank=rank)
            for rank, (score, _, stored) in enumerate(nearest, start=1)
        ]


class WordReranker:
    """Gives to a text the share of the question's words that it holds."""

    def relevance(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        wanted = set(words_of(question)) - STOP_WORDS
        return [len(wanted & set(words_of(text))) / max(1, len(wanted)) for text in texts]
