"""Keeping the vectors in step with the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingest.catalog import Catalog
from ingest.contextual import contextual_text
from ingest.document import Passage, Revision
from ingest.embedder import Embedder
from ingest.progress import Listener, Phase, Tracker
from ingest.vectors import VectorStore

# Passages embedded and stored at a time: bounds the memory, and is how often progress shows.
BATCH = 128


class VectorSync:
    """Writes the vectors of revisions, and mends what crashes, another embedder or a lost folder left behind."""

    def __init__(self, embedder: Embedder, catalog: Catalog, vectors: VectorStore) -> None:
        self._embedder = embedder
        self._catalog = catalog
        self._vectors = vectors

    def write(
        self,
        revision: Revision,
        passage_ids: Sequence[str],
        passages: Sequence[Passage],
        embedded: Callable[[int], None],
    ) -> None:
        """Embed all passages of a revision and store them; ``embedded`` hears how many more are done."""
        for start in range(0, len(passages), BATCH):
            batch = slice(start, start + BATCH)
            texts = [contextual_text(revision.title, passage) for passage in passages[batch]]
            self._vectors.upsert(revision.collection, revision.id, passage_ids[batch], self._embedder.embed(texts))
            embedded(len(texts))

    def mend(self, collection: str, listener: Listener | None = None) -> tuple[Sequence[Revision], int]:
        """Sweep what is not current and make anew what is missing.

        Returns the revisions whose vectors were made anew and how many passages were embedded for them. Nothing is
        embedded, and the model not loaded, when all is in place.
        """
        # First the vectors, then the record that says they were being written: a crash in between is swept again.
        for revision_id in self._catalog.unpublished(collection):
            self._vectors.delete_revision(collection, revision_id)
            self._catalog.discard(revision_id)
        current = self._catalog.current(collection)
        stored = self._vectors.counts(collection)
        for orphan in stored.keys() - {revision.id for revision in current}:
            self._vectors.delete_revision(collection, orphan)
        incomplete = [revision for revision in current if stored.get(revision.id, 0) != revision.passage_count]
        tracker = Tracker(Phase.RESTORING, len(incomplete), 0, listener)
        for revision in incomplete:
            tracker.begin(revision.source)
            self._vectors.delete_revision(collection, revision.id)
            passages = self._catalog.passages_of(revision.id)
            self.write(revision, [p.id for p in passages], [p.passage for p in passages], tracker.embedded)
        return incomplete, tracker.passages
