"""Where vectors live and are searched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

VectorBatch = tuple[str, Sequence[str], npt.NDArray[np.float32]]
"""A revision's id, passage ids of it, and their vectors: float32 of shape (len(passage ids), dimensions)."""


class VectorsUnusable(Exception):
    """The store can't be read or written: damaged, disk full. It can be made anew from the catalog."""


@dataclass(frozen=True, slots=True)
class VectorHit:
    """A stored passage id with its cosine similarity to the query, in [-1, 1]."""

    passage_id: str
    revision_id: str
    similarity: float


class VectorStore(Protocol):
    """Law: rebuilding from the catalog gives the same answers; the store holds nothing that is not rebuildable.

    It knows nothing of current and replaced: a query may return passages of any revision that has vectors. The
    caller drops those that the catalog does not call current, and asks for more than it needs.
    """

    def upsert(self, collection: str, batches: Sequence[VectorBatch]) -> None:
        """Store vectors under the passages' ids: many at a time cost less than one batch after the other."""
        ...

    def delete_revision(self, collection: str, revision_id: str) -> None:
        """Forget all vectors of one revision; none there is no error."""
        ...

    def replace(self, collection: str, batches: Iterable[VectorBatch]) -> None:
        """Hold just these; queries see what was before until all is in.

        Broken off, it changes nothing.
        """
        ...

    def query(self, collection: str, vector: npt.NDArray[np.float32], k: int) -> Sequence[VectorHit]:
        """The ``k`` nearest of the collection, best first, ties by passage id; fewer when it holds fewer."""
        ...

    def compare(
        self, collection: str, passage_ids: Sequence[str], vector: npt.NDArray[np.float32]
    ) -> Sequence[VectorHit]:
        """These passages as `query` scores and sorts them; those without a vector are left out."""
        ...

    def count(self, collection: str) -> int:
        """Stored vectors of the collection."""
        ...

    def counts(self, collection: str) -> Mapping[str, int]:
        """Stored vectors by revision id; revisions without vectors are left out."""
        ...

    def collections(self) -> Sequence[str]:
        """Names of the collections that were ever written to, sorted."""
        ...
