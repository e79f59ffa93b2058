"""Vectors in an embedded Chroma database.

Each docqa collection has, for each embedder, its own Chroma collection. Chroma's graph (HNSW) keeps the nodes of
deleted vectors for ever, and a search walks through them: after a corpus was replaced eleven times, a query took 25
times as long. So deletions are counted, and once more is dead than alive the collection is copied into a new
*edition* without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ingest.vectors import VectorHit, VectorsUnusable

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

# With Chroma's defaults (100, 100) a tenth of the ten nearest was missed among 4,384 real passages; with these 1 in
# 1,000, for 2 ms more. The settings are fixed when an edition is made.
SEARCH_WIDTH = 400
BUILD_WIDTH = 200
# Neighbours fetched beyond k, so that equal ones at the end of the list are told apart by id, not by the graph.
TIE_MARGIN = 8
# Editions with fewer dead vectors are not worth copying.
MIN_DEAD = 2_000


class ChromaVectors:
    """Implements `ingest.vectors.VectorStore`; for many threads of the one process that owns the folder."""

    def __init__(self, path: Path, embedder_name: str) -> None:
        """Open the folder ``path`` or make it. Raises VectorsUnusable when it is damaged."""
        import chromadb
        from chromadb.config import Settings

        self._path = path
        self._embedder = embedder_name
        self._lock = RLock()
        path.mkdir(parents=True, exist_ok=True)
        with self._named_errors():
            settings = Settings(_env_file=None, anonymized_telemetry=False)
            self._client: Any = chromadb.PersistentClient(path, settings)  # its published type lacks close()
            self._batch = self._client.get_max_batch_size()
            self._editions = self._open_editions()
        self._retired: dict[str, str] = {}

    def close(self) -> None:
        """Let go of the folder."""
        self._client.close()

    def upsert(
        self, collection: str, revision_id: str, passage_ids: Sequence[str], vectors: npt.NDArray[np.float32]
    ) -> None:
        """See `VectorStore.upsert`."""
        if len(passage_ids) != len(vectors):
            raise ValueError(f"{len(passage_ids)} passages, but {len(vectors)} vectors")
        with self._lock, self._named_errors():
            edition = self._editions.get(collection)
            if edition is None:
                edition = self._editions[collection] = self._create(collection, number=1, complete=True)
            self._add(edition, revision_id, passage_ids, vectors)

    def replace(self, collection: str, batches: Iterable[tuple[str, Sequence[str], npt.NDArray[np.float32]]]) -> None:
        """See `VectorStore.replace`."""
        with self._lock, self._named_errors():
            old = self._editions.get(collection)
            new = self._create(collection, 1 if old is None else int(old.metadata["edition"]) + 1, complete=False)
            try:
                for revision_id, passage_ids, vectors in batches:
                    self._add(new, revision_id, passage_ids, vectors)
            except BaseException:
                self._client.delete_collection(new.name)
                raise
            self._switch(collection, new)

    def _add(
        self, edition: Collection, revision_id: str, passage_ids: Sequence[str], vectors: npt.NDArray[np.float32]
    ) -> None:
        for start in range(0, len(passage_ids), self._batch):
            ids = list(passage_ids[start : start + self._batch])
            edition.upsert(
                ids=ids,
                embeddings=vectors[start : start + self._batch],
                metadatas=[{"revision": revision_id}] * len(ids),
            )

    def delete_revision(self, collection: str, revision_id: str) -> None:
        """See `VectorStore.delete_revision`."""
        with self._lock, self._named_errors():
            edition = self._editions.get(collection)
            if edition is None:
                return
            before = edition.count()
            edition.delete(where={"revision": revision_id})
            left = edition.count()
            if before == left:
                return
            dead = int(edition.metadata["dead"]) + before - left
            edition.modify(metadata={**edition.metadata, "dead": dead})
            if dead > max(left, MIN_DEAD):
                self._compact(collection, edition)

    def query(self, collection: str, vector: npt.NDArray[np.float32], k: int) -> Sequence[VectorHit]:
        """See `VectorStore.query`. Approximate: see `SEARCH_WIDTH`."""
        # Without the lock: a question does not wait for an ingest.
        edition = self._editions.get(collection)
        if edition is None or k < 1:
            return []
        with self._named_errors():
            found: Any = edition.query(
                query_embeddings=vector[None], n_results=k + TIE_MARGIN, include=["metadatas", "distances"]
            )
        hits = [
            VectorHit(id, str(metadata["revision"]), min(1.0, max(-1.0, 1.0 - float(distance))))
            for id, distance, metadata in zip(
                found["ids"][0], found["distances"][0], found["metadatas"][0], strict=True
            )
        ]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.passage_id))[:k]

    def count(self, collection: str) -> int:
        """See `VectorStore.count`."""
        with self._lock, self._named_errors():
            edition = self._editions.get(collection)
            return 0 if edition is None else edition.count()

    def counts(self, collection: str) -> Mapping[str, int]:
        """See `VectorStore.counts`."""
        counts: Counter[str] = Counter()
        with self._lock, self._named_errors():
            edition = self._editions.get(collection)
            if edition is not None:
                for batch in self._batches(edition, include=["metadatas"]):
                    counts.update(str(metadata["revision"]) for metadata in batch["metadatas"])
        return counts

    def collections(self) -> Sequence[str]:
        """See `VectorStore.collections`."""
        with self._lock:
            return sorted(self._editions)

    def _compact(self, collection: str, old: Collection) -> None:
        new = self._create(collection, int(old.metadata["edition"]) + 1, complete=False)
        for batch in self._batches(old, include=["embeddings", "metadatas"]):
            new.upsert(ids=batch["ids"], embeddings=batch["embeddings"], metadatas=batch["metadatas"])
        self._switch(collection, new)

    def _switch(self, collection: str, new: Collection) -> None:
        """Answer from an edition that is complete now."""
        new.modify(metadata={**new.metadata, "complete": True})
        old = self._editions.get(collection)
        self._editions[collection] = new
        # Queries may still be reading the old edition, so the one before it goes instead.
        if collection in self._retired:
            self._client.delete_collection(self._retired.pop(collection))
        if old is not None:
            self._retired[collection] = old.name

    def _batches(self, edition: Collection, include: list[Any]) -> Iterator[Any]:
        for offset in range(0, edition.count(), self._batch):
            yield edition.get(limit=self._batch, offset=offset, include=include)

    def _create(self, collection: str, number: int, complete: bool) -> Collection:
        # Names are free text in the product and narrow in Chroma; the metadata says what the hash stands for.
        key = sha256(f"{collection}\n{self._embedder}".encode()).hexdigest()[:32]
        created: Collection = self._client.create_collection(
            f"docqa-{key}-{number}",
            configuration={"hnsw": {"space": "cosine", "ef_search": SEARCH_WIDTH, "ef_construction": BUILD_WIDTH}},
            metadata={
                "collection": collection,
                "embedder": self._embedder,
                "edition": number,
                "complete": complete,
                "dead": 0,
            },
            embedding_function=None,
        )
        return created

    def _open_editions(self) -> dict[str, Collection]:
        """The latest complete edition of each collection; others are what a crash left, and go."""
        editions: dict[str, Collection] = {}
        mine = [c for c in self._client.list_collections() if (c.metadata or {}).get("embedder") == self._embedder]
        for found in sorted(mine, key=lambda c: (bool(c.metadata["complete"]), int(c.metadata["edition"]))):
            collection = str(found.metadata["collection"])
            if collection in editions:
                self._client.delete_collection(editions.pop(collection).name)
            if found.metadata["complete"]:
                editions[collection] = self._client.get_collection(found.name, embedding_function=None)
            else:
                self._client.delete_collection(found.name)
        return editions

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        from chromadb.errors import ChromaError

        try:
            yield
        except ChromaError as error:
            raise VectorsUnusable(
                f"{self._path}: {error}. Nothing is lost: unless the disk is full, delete this folder, and the next "
                "ingest makes it anew"
            ) from error
