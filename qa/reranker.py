"""Ranking what a search found by reading each passage together with the question.

A cross-encoder (Nogueira and Cho 2019, arXiv:1901.04085) sees what two vectors can't tell each other, and costs a pass
for each passage, so it reads only what the search found first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ingest.contextual import contextual_text
from ingest.scope import NOW, Scope
from qa.answer import RetrievedPassage
from qa.fusion import Scores, fuse, least
from qa.retriever import Retriever

DEPTH = 20
"""Passages that are read: as many as an answer looks at."""

WEIGHT = 1.0
"""What its opinion weighs beside a cosine. Cosines of the first passages lie close together, so it decides most."""


class RerankerUnusable(Exception):
    """A reranker can't be loaded; the message says which, why and what to do."""


class Reranker(Protocol):
    """Law: what it gives to a text depends on the question and that text alone."""

    def relevance(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """For each text how likely it answers ``question``, in [0, 1]. Raises `RerankerUnusable`."""
        ...


class RerankingRetriever:
    """Implements `qa.retriever.Retriever`: adds to the scores of another one's first passages what a reranker gives."""

    def __init__(self, retriever: Retriever, reranker: Reranker, depth: int = DEPTH, weight: float = WEIGHT) -> None:
        """The first ``depth`` passages are read, however many are asked for, so that a longer list begins alike."""
        self._retriever = retriever
        self._reranker = reranker
        self._depth = depth
        self._weight = weight

    def retrieve(self, question: str, collection: str, k: int, scope: Scope = NOW) -> Sequence[RetrievedPassage]:
        """See `Retriever.retrieve`. Raises ValueError for ``k`` below 1, and `RerankerUnusable`."""
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        found = self._retriever.retrieve(question, collection, max(k, self._depth), scope)
        read = found[: self._depth]
        texts = [contextual_text(passage.stored.revision.title, passage.stored.passage) for passage in read]
        relevance = dict(zip([p.stored.id for p in read], self._reranker.relevance(question, texts), strict=True))
        fused = fuse(
            [
                Scores({passage.stored.id: passage.score for passage in found}),
                Scores(relevance, self._weight, missing=least(relevance)),
            ]
        )
        by_id = {passage.stored.id: passage for passage in found}
        return [replace(by_id[item], score=score, rank=rank) for rank, (item, score) in enumerate(fused[:k], start=1)]
