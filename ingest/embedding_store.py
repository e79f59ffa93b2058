"""Vectors that were computed before, by the hash of their text.

Embedding is what an ingest costs. With this store a passage is embedded again only when its words have changed:
not because it moved within its document, stands in a second one, was restored, or because the vectors that are searched
had to be made anew. It holds nothing that can't be computed, so losing it loses time.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock

import numpy as np

from ingest.embedder import Embedder, Vectors
from ingest.sqlite_database import BUSY_TIMEOUT_S, write_ahead

_log = logging.getLogger(__name__)

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS embeddings (
        embedder TEXT NOT NULL, text_hash BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (embedder, text_hash)
    ) WITHOUT ROWID
"""
_GROUP = 500  # parameters of one statement


def hash_of(text: str) -> bytes:
    """The key of a text: 20 bytes of its SHA-256."""
    return sha256(text.encode()).digest()[:20]


class EmbeddingStore:
    """One SQLite file, or memory alone; for many threads of one process at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the file or make it; one that is damaged is begun anew."""
        self._path = path
        self._lock = Lock()
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            _log.warning("%s is damaged and begun anew: %s", path, error)
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            self._connection = self._open()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def get(self, embedder: str, keys: Iterable[bytes]) -> Mapping[bytes, Vectors]:
        """The vectors that are known, float32 of shape (dimensions,), by key."""
        wanted = list(dict.fromkeys(keys))
        found: dict[bytes, Vectors] = {}
        with self._lock:
            for start in range(0, len(wanted), _GROUP):
                group = wanted[start : start + _GROUP]
                marks = ",".join("?" * len(group))
                query = f"SELECT text_hash, vector FROM embeddings WHERE embedder = ? AND text_hash IN ({marks})"
                try:
                    rows = self._connection.execute(query, [embedder, *group]).fetchall()
                except sqlite3.DatabaseError as error:
                    _log.warning("%s can't be read, so passages are embedded again: %s", self._path, error)
                    break
                found.update({key: np.frombuffer(vector, dtype=np.float32) for key, vector in rows})
        return found

    def put(self, embedder: str, vectors: Mapping[bytes, Vectors]) -> None:
        """Remember vectors; one that can't be written is only not remembered."""
        rows = [(embedder, key, vector.astype(np.float32).tobytes()) for key, vector in vectors.items()]
        with self._lock:
            try:
                with self._connection:
                    self._connection.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)", rows)
            except sqlite3.DatabaseError as error:
                _log.warning("%s can't be written: %s", self._path, error)

    def knows(self, embedder: str) -> bool:
        """Whether there is any vector of an embedder."""
        with self._lock, suppress(sqlite3.DatabaseError):
            query = "SELECT 1 FROM embeddings WHERE embedder = ? LIMIT 1"
            return self._connection.execute(query, [embedder]).fetchone() is not None
        return False

    def count(self) -> int:
        """Vectors of all embedders."""
        with self._lock, suppress(sqlite3.DatabaseError):
            return int(self._connection.execute("SELECT count(*) FROM embeddings").fetchone()[0])
        return 0

    def keep(self, keys: Iterable[bytes]) -> None:
        """Forget all vectors but those of ``keys``."""
        with self._lock, suppress(sqlite3.DatabaseError), self._connection:
            self._connection.execute("CREATE TEMP TABLE kept (text_hash BLOB PRIMARY KEY) WITHOUT ROWID")
            self._connection.executemany("INSERT OR IGNORE INTO kept VALUES (?)", ((key,) for key in keys))
            self._connection.execute("DELETE FROM embeddings WHERE text_hash NOT IN (SELECT text_hash FROM kept)")
            self._connection.execute("DROP TABLE kept")

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path or ":memory:", timeout=BUSY_TIMEOUT_S, check_same_thread=False)
        try:
            write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_SCHEMA)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection


class RememberingEmbedder:
    """Implements `ingest.embedder.Embedder` on top of another one, asking it only for texts it was never asked."""

    def __init__(self, embedder: Embedder, store: EmbeddingStore) -> None:
        self._embedder = embedder
        self._store = store

    @property
    def name(self) -> str:
        """See `Embedder.name`."""
        return self._embedder.name

    @property
    def dimensions(self) -> int:
        """See `Embedder.dimensions`."""
        return self._embedder.dimensions

    @property
    def max_tokens(self) -> int:
        """See `Embedder.max_tokens`."""
        return self._embedder.max_tokens

    def count_tokens(self, text: str) -> int:
        """See `Embedder.count_tokens`."""
        return self._embedder.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        return self.embed_counted(texts)[0]

    def embed_counted(self, texts: Sequence[str]) -> tuple[Vectors, int]:
        """The vectors, and how many texts had to be embedded for them."""
        keys = [hash_of(text) for text in texts]
        known = dict(self._store.get(self.name, keys))
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if new:
            computed = dict(zip(new, self._embedder.embed(list(new.values())), strict=True))
            self._store.put(self.name, computed)
            known |= computed
        rows = [known[key] for key in keys]
        vectors = np.stack(rows) if rows else np.empty((0, self.dimensions), dtype=np.float32)
        return vectors, len(new)
