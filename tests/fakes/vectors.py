"""A vector store in memory, exact by brute force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from threading import RLock

import numpy as np
import numpy.typing as npt

from ingest.vectors import VectorBatch, VectorHit


class MemoryVectors:
    """Dictionaries by collection and passage id."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, tuple[str, npt.NDArray[np.float32]]]] = {}
        self._lock = RLock()

    def upsert(self, collection: str, batches: Sequence[VectorBatch]) -> None:
        with self._lock:
            self._rows.setdefault(collection, {}).update(_rows_of(batches))

    def delete_revision(self, collection: str, revision_id: str) -> None:
        with self._lock:
            rows = self._rows.get(collection, {})
            self._rows[collection] = {id: row for id, row in rows.items() if row[0] != revision_id}

    def replace(self, collection: str, batches: Iterable[VectorBatch]) -> None:
        rows = _rows_of(batches)
        with self._lock:
            self._rows[collection] = rows

    def query(self, collection: str, vector: npt.NDArray[np.float32], k: int) -> Sequence[VectorHit]:
        with self._lock:
            ids = list(self._rows.get(collection, {}))
        return MemoryVectors.compare(self, collection, ids, vector)[:k]

    def compare(
        self, collection: str, passage_ids: Sequence[str], vector: npt.NDArray[np.float32]
    ) -> Sequence[VectorHit]:
        with self._lock:
            rows = self._rows.get(collection, {})
            held = [(id, *rows[id]) for id in dict.fromkeys(passage_ids) if id in rows]
        hits = [VectorHit(id, revision, float(np.clip(row @ vector, -1, 1))) for id, revision, row in held]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.passage_id))

    def count(self, collection: str) -> int:
        return len(self._rows.get(collection, {}))

    def counts(self, collection: str) -> Mapping[str, int]:
        with self._lock:
            return Counter(revision for revision, _ in self._rows.get(collection, {}).values())

    def collections(self) -> Sequence[str]:
        return sorted(self._rows)


def _rows_of(batches: Iterable[VectorBatch]) -> dict[str, tuple[str, npt.NDArray[np.float32]]]:
    return {
        id: (revision, row.copy()) for revision, ids, vectors in batches for id, row in zip(ids, vectors, strict=True)
    }
