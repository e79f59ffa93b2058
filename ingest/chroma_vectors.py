"""Vectors in Chroma, embedded in this process or behind a server.

Each docqa collection has, for each embedder, its own Chroma collection. Chroma's graph (HNSW) keeps the nodes of
deleted vectors for ever, and a search walks through them: after a corpus was replaced eleven times, a query took 25
times as long. So deletions are counted, and once more is dead than alive the collection is copied into a new
*edition* without them.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from ingest.vectors import VectorBatch, VectorHit, VectorsUnusable

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

_log = logging.getLogger(__name__)

# With Chroma's defaults (100, 100) a tenth of the ten nearest was missed among 4,384 real passages; with these 1 in
# 1,000, for 2 ms more. The settings are fixed when an edition is made.
SEARCH_WIDTH = 400
BUILD_WIDTH = 200
# Neighbours fetched beyond k, so that equal ones at the end of the list are told apart by id, not by the graph.
TIE_MARGIN = 8
# Editions with fewer dead vectors are not worth copying.
MIN_DEAD = 2_000
# What versions before put behind an embedder's name.
_ARITHMETICS = ("float32", "bfloat16")


class ChromaVectors:
    """Implements `ingest.vectors.VectorStore`; for many threads.

    A folder belongs to one process. With a server, one process may write while others search.
    """

    def __init__(self, where: Path | str, embedder_name: str) -> None:
        """Open or make a folder, or connect to the server at a URL. Raises VectorsUnusable when that fails."""
        self._where = where
        self._embedder = embedder_name
        self._lock = RLock()
        self._retired: dict[str, str] = {}
        with self._named_errors():
            self._client: Any = _connected(where)  # its published type lacks close()
            self._batch = self._client.get_max_batch_size()
            self._adopt()
            self._editions = self._open_editions()
            # Behind a server an unfinished edition may be one that another process is just making.
            self._tidy = self._served
            if not self._served:
                self._editions = {name: edition for name, edition in self._editions.items() if _answers(edition)}
                self._delete_others()

    @property
    def _served(self) -> bool:
        return isinstance(self._where, str)

    def close(self) -> None:
        """Let go of the folder."""
        self._client.close()
        if self._served:  # Chroma leaves its connections open.
            for part in (self._client, self._client._admin_client):
                part._server._session.close()

    def upsert(self, collection: str, batches: Sequence[VectorBatch]) -> None:
        """See `VectorStore.upsert`."""
        for _, passage_ids, vectors in batches:
            if len(passage_ids) != len(vectors):
                raise ValueError(f"{len(passage_ids)} passages, but {len(vectors)} vectors")
        with self._lock, self._named_errors():
            self._refresh(writing=True)
            edition = self._editions.get(collection)
            if edition is None:
                edition = self._editions[collection] = self._create(collection, number=1, complete=True)
            self._add(edition, batches)

    def replace(self, collection: str, batches: Iterable[VectorBatch]) -> None:
        """See `VectorStore.replace`."""
        with self._lock, self._named_errors():
            self._refresh(writing=True)
            old = self._editions.get(collection)
            new = self._create(collection, 1 if old is None else int(old.metadata["edition"]) + 1, complete=False)
            try:
                for batch in batches:
                    self._add(new, [batch])
            except BaseException:
                self._client.delete_collection(new.name)
                raise
            self._switch(collection, new)

    def _add(self, edition: Collection, batches: Sequence[VectorBatch]) -> None:
        ids = [id for _, passage_ids, _ in batches for id in passage_ids]
        revisions: list[Any] = [{"revision": revision} for revision, passage_ids, _ in batches for _ in passage_ids]
        vectors = np.concatenate([vectors for _, _, vectors in batches]) if ids else np.empty((0, 0), np.float32)
        for start in range(0, len(ids), self._batch):
            some = slice(start, start + self._batch)
            edition.upsert(ids=ids[some], embeddings=vectors[some], metadatas=revisions[some])

    def delete_revision(self, collection: str, revision_id: str) -> None:
        """See `VectorStore.delete_revision`."""
        with self._lock, self._named_errors():
            self._refresh(writing=True)
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
        if k < 1:
            return []
        found = self._read(
            collection,
            lambda edition: edition.query(
                query_embeddings=vector[None], n_results=k + TIE_MARGIN, include=["metadatas", "distances"]
            ),
        )
        if found is None:
            return []
        similarities = 1.0 - np.array(found["distances"][0])
        return _hits(found["ids"][0], found["metadatas"][0], similarities)[:k]

    def compare(
        self, collection: str, passage_ids: Sequence[str], vector: npt.NDArray[np.float32]
    ) -> Sequence[VectorHit]:
        """See `VectorStore.compare`."""
        if not passage_ids:
            return []
        ids = list(dict.fromkeys(passage_ids))
        found = self._read(collection, lambda edition: edition.get(ids=ids, include=["metadatas", "embeddings"]))
        if found is None or not found["ids"]:
            return []
        return _hits(found["ids"], found["metadatas"], np.array(found["embeddings"]) @ vector)

    def _read(self, collection: str, read: Callable[[Collection], Any]) -> Any:  # noqa: ANN401 - Chroma's result
        """What ``read`` finds in the edition that answers now; None where there is none.

        Without the lock: a question does not wait for an ingest.
        """
        from chromadb.errors import NotFoundError

        def read_now() -> Any:  # noqa: ANN401 - Chroma's result
            # What another process made, or made anew, is known to the server alone.
            edition = (self._open_editions() if self._served else self._editions).get(collection)
            return None if edition is None else read(edition)

        with self._named_errors():
            try:
                return read_now()
            except NotFoundError:
                return read_now()  # It was replaced by another edition this very moment.

    def count(self, collection: str) -> int:
        """See `VectorStore.count`."""
        with self._lock, self._named_errors():
            self._refresh()
            edition = self._editions.get(collection)
            return 0 if edition is None else edition.count()

    def counts(self, collection: str) -> Mapping[str, int]:
        """See `VectorStore.counts`."""
        counts: Counter[str] = Counter()
        with self._lock, self._named_errors():
            self._refresh()
            edition = self._editions.get(collection)
            if edition is not None:
                for batch in self._batches(edition, include=["metadatas"]):
                    counts.update(str(metadata["revision"]) for metadata in batch["metadatas"])
        return counts

    def collections(self) -> Sequence[str]:
        """See `VectorStore.collections`."""
        with self._lock, self._named_errors():
            self._refresh()
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

    def _adopt(self) -> None:
        """Go on with vectors whose embedder was still named with the arithmetic that it ran in: they are as good."""
        held = {str(edition.metadata["collection"]) for edition in self._mine()}
        former = [f"{self._embedder}/{arithmetic}" for arithmetic in _ARITHMETICS]
        for found in self._client.list_collections():
            if (found.metadata or {}).get("embedder") in former and str(found.metadata["collection"]) not in held:
                found.modify(metadata={**found.metadata, "embedder": self._embedder})

    def _refresh(self, *, writing: bool = False) -> None:
        """Behind a server, see what there is now; whoever writes first clears away what a crash left."""
        if not self._served or (writing and not self._tidy):
            return
        self._editions = self._open_editions()
        if writing:
            self._delete_others()
            self._tidy = False

    def _mine(self) -> list[Any]:
        """All editions of this embedder, those before the others that are to be used instead of them."""
        mine = [c for c in self._client.list_collections() if (c.metadata or {}).get("embedder") == self._embedder]
        return sorted(mine, key=lambda c: (bool(c.metadata["complete"]), int(c.metadata["edition"])))

    def _open_editions(self) -> dict[str, Collection]:
        """The latest complete edition of each collection."""
        latest = {str(c.metadata["collection"]): c.name for c in self._mine() if c.metadata["complete"]}
        return {
            collection: self._client.get_collection(name, embedding_function=None)
            for collection, name in latest.items()
        }

    def _delete_others(self) -> None:
        """Delete the editions that are not used: replaced ones, and what a crash left unfinished."""
        used = {edition.name for edition in self._editions.values()}
        for edition in self._mine():
            if edition.name not in used:
                self._client.delete_collection(edition.name)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        from chromadb.errors import ChromaError
        from httpx import HTTPError

        try:
            yield
        except (ChromaError, HTTPError) as error:
            advice = (
                "is the Chroma server up?"
                if self._served
                else "Nothing is lost: unless the disk is full, delete this folder, and the next ingest makes it anew"
            )
            raise VectorsUnusable(f"{self._where}: {error}. {advice}") from error


def _hits(
    ids: Sequence[str], metadatas: Sequence[Mapping[str, object]], similarities: npt.NDArray[np.float64]
) -> list[VectorHit]:
    hits = [
        VectorHit(id, str(metadata["revision"]), min(1.0, max(-1.0, float(similarity))))
        for id, metadata, similarity in zip(ids, metadatas, similarities, strict=True)
        if metadata  # It is gone from a vector that another thread is just deleting.
    ]
    return sorted(hits, key=lambda hit: (-hit.similarity, hit.passage_id))


def _answers(edition: Collection) -> bool:
    """Whether an edition can be read: a process that was killed may leave one whose graph is torn."""
    from chromadb.errors import ChromaError

    try:
        if edition.count():
            stored: Any = edition.get(limit=1, include=["embeddings"])
            edition.query(query_embeddings=stored["embeddings"], n_results=1, include=[])
    except ChromaError as error:
        _log.warning("the vectors of %s are damaged and made anew: %s", edition.name, error)
        return False
    return True


def _connected(where: Path | str) -> Any:  # noqa: ANN401 - Chroma's client
    import chromadb
    from chromadb.config import Settings

    settings = Settings(_env_file=None, anonymized_telemetry=False)
    if isinstance(where, Path):
        where.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(where, settings)
    url = urlsplit(where)
    secure = url.scheme == "https"
    try:
        port = url.port or (443 if secure else 80)
        return chromadb.HttpClient(url.hostname or "localhost", port, secure, None, settings)
    except ValueError as error:  # what it makes of a server that can't be reached
        raise VectorsUnusable(f"{where}: {error}") from error
