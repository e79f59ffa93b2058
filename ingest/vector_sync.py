"""Keeping the vectors in step with the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.catalog import Catalog
from ingest.contextual import contextual_text
from ingest.document import Passage, Revision
from ingest.embedder import Vectors
from ingest.embedding_store import EmbeddingStore, RememberingEmbedder, hash_of
from ingest.progress import Listener, Phase, Tracker
from ingest.scope import collection_of, partition
from ingest.vectors import VectorBatch, VectorStore

# Passages embedded and stored at a time: bounds the memory, and is how often progress shows. Chroma takes a third of
# the time for as many at once as for those of one document after the other.
BATCH = 256
# Computed vectors that may be kept though nothing needs them.
SPARE = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the vectors of a partition are not those of the current revisions.

    ``incomplete``: revisions whose vectors are not all there, and how many are; ``orphans``: ids of revisions that
    have vectors and are not current.
    """

    partition: str
    incomplete: Mapping[Revision, int]
    orphans: Sequence[str]


def differences(vectors: VectorStore, names: Iterable[str], current: Iterable[Revision]) -> Iterator[Difference]:
    """Compare the partitions ``names``, and those that the ``current`` revisions belong to, one after the other."""
    expected: dict[str, dict[str, Revision]] = {name: {} for name in names}
    for revision in current:
        expected.setdefault(partition_of(revision), {})[revision.id] = revision
    for name, held in expected.items():
        stored = vectors.counts(name)
        counts = {revision: stored.get(revision.id, 0) for revision in held.values()}
        incomplete = {revision: count for revision, count in counts.items() if count != revision.passage_count}
        yield Difference(name, incomplete, sorted(stored.keys() - held.keys()))


class VectorSync:
    """Writes the vectors of revisions, and mends what crashes, another embedder or a lost folder left behind."""

    def __init__(self, embedder: RememberingEmbedder, catalog: Catalog, vectors: VectorStore) -> None:
        self._embedder = embedder
        self._catalog = catalog
        self._vectors = vectors

    def write(
        self,
        revisions: Iterable[tuple[Revision, Sequence[str], Sequence[Passage]]],
        written: Callable[[int], None],
    ) -> int:
        """Store the vectors of revisions, each with its passages and their ids; how many had to be embedded.

        ``written`` hears how many more are done.
        """
        embedded = 0
        waiting: dict[str, list[VectorBatch]] = {}

        def store(name: str) -> None:
            batches = waiting.pop(name)
            self._vectors.upsert(name, batches)
            written(sum(len(ids) for _, ids, _ in batches))

        for revision, passage_ids, passages in revisions:
            name = partition_of(revision)
            for start in range(0, len(passages), BATCH):
                some = slice(start, start + BATCH)
                vectors, new = self._embed(revision, passages[some])
                embedded += new
                waiting.setdefault(name, []).append((revision.id, passage_ids[some], vectors))
                if sum(len(ids) for _, ids, _ in waiting[name]) >= BATCH:
                    store(name)
        for name in list(waiting):
            store(name)
        return embedded

    def forget(self, revision: Revision) -> None:
        """Delete the vectors of a revision that does not hold, where it was indexed."""
        self._vectors.delete_revision(partition_of(revision), revision.id)

    def tidy(self, store: EmbeddingStore) -> None:
        """Let the store forget texts that are in no revision any more, once they are the greater part of it."""
        documents = sorted({r.document_id for r in [*self._catalog.current(), *self._catalog.removed()]})
        kept = [revision for document in documents for revision in self._catalog.history(document)]
        if store.count() > 2 * sum(revision.passage_count for revision in kept) + SPARE:
            store.keep(
                hash_of(contextual_text(revision.title, stored.passage))
                for revision in kept
                for stored in self._catalog.passages_of(revision.id)
            )

    def mend(self, collection: str, listener: Listener | None = None) -> tuple[Sequence[Revision], int]:
        """Sweep what is not current and make anew what is missing.

        Returns the revisions whose vectors were made anew and how many passages were embedded for them. Nothing is
        embedded, and the model not loaded, when all is in place.
        """
        # First the vectors, then the record that says they were being written: a crash in between is swept again.
        for revision in self._catalog.unpublished(collection):
            self.forget(revision)
            self._catalog.discard(revision.id)
        current = self._catalog.current(collection)
        incomplete = self._sweep(collection, current)
        tracker = Tracker(Phase.RESTORING, len(incomplete), 0, listener)
        embedded = 0
        for revision in incomplete:
            tracker.begin(revision.source)
            self.forget(revision)
            passages = self._catalog.passages_of(revision.id)
            one = revision, [stored.id for stored in passages], [stored.passage for stored in passages]
            embedded += self.write([one], tracker.embedded)
        return incomplete, embedded

    def rebuild(self, collection: str, listener: Listener | None = None) -> int:
        """Make all vectors of a collection anew beside those that answer until then; how many were embedded."""
        parts: dict[str, list[Revision]] = {name: [] for name in self._partitions(collection)}
        for revision in self._catalog.current(collection):
            parts.setdefault(partition_of(revision), []).append(revision)
        tracker = Tracker(Phase.RESTORING, sum(map(len, parts.values())), 0, listener)
        embedded = 0

        def batches(revisions: Sequence[Revision]) -> Iterator[VectorBatch]:
            nonlocal embedded
            for revision in revisions:
                tracker.begin(revision.source)
                stored = self._catalog.passages_of(revision.id)
                for start in range(0, len(stored), BATCH):
                    batch = stored[start : start + BATCH]
                    vectors, new = self._embed(revision, [found.passage for found in batch])
                    embedded += new
                    tracker.embedded(len(batch))
                    yield revision.id, [found.id for found in batch], vectors

        for name, revisions in parts.items():
            self._vectors.replace(name, batches(revisions))
        return embedded

    def _sweep(self, collection: str, current: Sequence[Revision]) -> list[Revision]:
        """Delete the vectors of what is not current; the current revisions whose vectors are not all there."""
        incomplete: list[Revision] = []
        for found in differences(self._vectors, self._partitions(collection), current):
            for orphan in found.orphans:
                self._vectors.delete_revision(found.partition, orphan)
            incomplete += found.incomplete
        return incomplete

    def _partitions(self, collection: str) -> list[str]:
        return [name for name in self._vectors.collections() if collection_of(name) == collection]

    def _embed(self, revision: Revision, passages: Sequence[Passage]) -> tuple[Vectors, int]:
        vectors, new = self._embedder.embed_counted([contextual_text(revision.title, p) for p in passages])
        return np.ascontiguousarray(vectors), new


def partition_of(revision: Revision) -> str:
    """Where the vectors of a revision that holds, or will, are kept."""
    return partition(revision.collection, revision.labels)
