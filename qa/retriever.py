"""From a question to the passages that may answer it: by meaning, by words, and both fused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ingest.catalog import Catalog
from ingest.contextual import contextual_text
from ingest.document import StoredPassage
from ingest.embedder import Embedder, Vectors
from ingest.scope import NOW, Scope, partition
from ingest.vectors import VectorHit, VectorStore
from qa.answer import RetrievedPassage
from qa.fusion import Scores, fuse, least, of_best
from qa.words import Kind, tokens


class Retriever(Protocol):
    """Law: at most ``k`` passages, sorted by score, ties in a fixed order, all of one state of the collection.

    None of another collection, and none outside ``scope``; what is outside changes neither order nor scores.
    """

    def retrieve(self, question: str, collection: str, k: int, scope: Scope = NOW) -> Sequence[RetrievedPassage]:
        """The passages nearest to ``question``, best first, ranks from 1; nothing for an empty collection."""
        ...


ATTEMPTS = 4
"""So often a question is searched again because something was published meanwhile."""

PAST_BATCH = 4_096
"""Passages of the past compared with a question at a time."""


@dataclass(frozen=True, slots=True)
class RetrievalConfig:
    """How many candidates each search gives and what its scores weigh beside cosines.

    BM25 counts as the share of the best passage's. ``k_codes`` and ``codes_weight`` are for the search for error
    codes, part numbers, procedures and the like
    alone: among the other words of a question their one rare occurrence in a long table would be outvoted.
    """

    k_dense: int = 60
    k_lexical: int = 60
    k_codes: int = 20
    dense_weight: float = 1.0
    lexical_weight: float = 0.25
    codes_weight: float = 0.3


class HybridRetriever:
    """Search by meaning, by words and by codes side by side, their scores added up."""

    def __init__(
        self,
        embedder: Embedder,
        vectors: VectorStore,
        catalog: Catalog,
        config: RetrievalConfig | None = None,
        remembered: Embedder | None = None,
    ) -> None:
        """``remembered`` gives the vectors of passages that no longer hold; left out, ``embedder`` makes them anew."""
        self._embedder = embedder
        self._remembered = remembered or embedder
        self._vectors = vectors
        self._catalog = catalog
        self._config = config or RetrievalConfig()

    def retrieve(self, question: str, collection: str, k: int, scope: Scope = NOW) -> Sequence[RetrievedPassage]:
        """See `Retriever.retrieve`. Raises ValueError for ``k`` below 1."""
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        vector = self._embedder.embed([question])[0]
        for _ in range(ATTEMPTS):
            before = self._catalog.generation()
            found = self._search(question, vector, collection, k, scope)
            if self._catalog.generation() == before:
                break
        return found

    def _search(
        self, question: str, vector: Vectors, collection: str, k: int, scope: Scope
    ) -> Sequence[RetrievedPassage]:
        k_lexical = self._config.k_lexical
        bm25 = {hit.passage_id: hit.score for hit in self._catalog.search(collection, question, k_lexical, scope)}
        codes = self._with_codes(question, collection, scope)
        similarity = self._similarities(vector, collection, scope, {*bm25, *codes})
        shares = of_best(bm25)
        fused = fuse(
            [
                Scores(similarity, self._config.dense_weight, missing=least(similarity)),
                Scores(shares, self._config.lexical_weight, missing=least(shares, k_lexical)),
                Scores(of_best(codes), self._config.codes_weight),
            ]
        )
        scores = dict(fused)
        # The catalog decides what exists: vectors of replaced revisions may linger, their passages do not.
        stored = self._catalog.passages([passage_id for passage_id, _ in fused], scope)
        held = [stored[passage_id] for passage_id, _ in fused if passage_id in stored]
        mine = [found for found in held if found.revision.collection == collection]
        return [
            RetrievedPassage(
                stored=found,
                similarity=similarity.get(found.id),
                lexical=bm25.get(found.id),
                score=scores[found.id],
                rank=rank,
                copies=tuple(copies),
            )
            for rank, (found, *copies) in enumerate(_folded(mine)[:k], start=1)
        ]

    def _similarities(self, vector: Vectors, collection: str, scope: Scope, others: Set[str]) -> dict[str, float]:
        """Cosines of the nearest, and of the ``others`` that have a vector."""
        k = self._config.k_dense
        if scope.as_of is not None:
            return self._similarities_in_the_past(vector, collection, scope, others, k)
        readable = [partition(collection, of) for of in self._catalog.partitions(collection) if scope.reads(of)]
        hits = [hit for part in readable for hit in self._vectors.query(part, vector, k)]
        nearest = {hit.passage_id: hit.similarity for hit in sorted(hits, key=_best_first)[:k]}
        rest = [item for item in others if item not in nearest]
        compared = [hit for part in readable for hit in self._vectors.compare(part, rest, vector)]
        return nearest | {hit.passage_id: hit.similarity for hit in compared}

    def _similarities_in_the_past(
        self, vector: Vectors, collection: str, scope: Scope, others: Set[str], k: int
    ) -> dict[str, float]:
        """Every passage that held then is compared: such questions are rare, and the store holds what holds now."""
        passages = self._catalog.passages_within(collection, scope)
        found: dict[str, float] = {}
        for start in range(0, len(passages), PAST_BATCH):
            batch = passages[start : start + PAST_BATCH]
            rows = self._remembered.embed([contextual_text(p.revision.title, p.passage) for p in batch])
            compared = zip([p.id for p in batch], np.clip(rows @ vector, -1.0, 1.0).tolist(), strict=True)
            found |= compared
            nearest = sorted(found, key=lambda item: (-found[item], item))[:k]
            found = {item: found[item] for item in {*nearest, *(others & found.keys())}}
        return found

    def _with_codes(self, question: str, collection: str, scope: Scope) -> dict[str, float]:
        codes = [token.surface for token in tokens(question) if token.kind is Kind.CODE]
        if not codes:
            return {}
        hits = self._catalog.search(collection, " ".join(codes), self._config.k_codes, scope)
        return {hit.passage_id: hit.score for hit in hits}


def _best_first(hit: VectorHit) -> tuple[float, str]:
    return -hit.similarity, hit.passage_id


def _folded(passages: Iterable[StoredPassage]) -> list[list[StoredPassage]]:
    """Each passage with those that say the same under the same headings, in the order of the first ones.

    The same file under two names would otherwise fill the prompt with one text. Passages that differ in a
    single figure are different passages.
    """
    alike: dict[tuple[tuple[str, ...], str], list[StoredPassage]] = {}
    for found in passages:
        alike.setdefault((found.passage.section_path, " ".join(found.passage.text.split())), []).append(found)
    return list(alike.values())
