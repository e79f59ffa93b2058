"""Connections and transactions of one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from ingest.catalog import CatalogUnusable

BUSY_TIMEOUT_S = 30
CACHE_KIB = 65_536
"""Pages of the file kept in memory for each connection: a search over many passages reads the same ones again."""


class SqliteDatabase:
    """A file in which a reader never waits for a writer (write-ahead log) and a commit is on the disk."""

    def __init__(self, path: Path) -> None:
        """Open the file or make it, with its folder."""
        self.path = path
        url = URL.create("sqlite", database=str(path))
        self.engine = sqlite_engine(url, [f"cache_size = -{CACHE_KIB}", "temp_store = MEMORY"])

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One state of the file. Raises CatalogUnusable."""
        with self._named_errors(), transaction(self.engine) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end and undone by an error. Raises CatalogUnusable."""
        with self._named_errors(), transaction(self.engine, writing=True) as connection:
            yield connection

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise CatalogUnusable(f"{self.path}: {error.orig}") from error


def sqlite_engine(url: URL, pragmas: Sequence[str] = ()) -> Engine:
    """An engine for the file that ``url`` names, made with its folder: write-ahead log, commits on the disk.

    Its transactions begin as `transaction` says; ``pragmas`` are further settings of each connection.
    """
    assert url.database is not None
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    # The driver would begin transactions by its own rules; here each begins as its purpose asks.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


@contextmanager
def transaction(engine: Engine, *, writing: bool = False) -> Iterator[Connection]:
    """A transaction that is committed at the end and undone by an error, on any kind of database."""
    with engine.connect() as connection:
        if writing:
            # SQLite: taking the write lock at once waits for another writer; taking it midway would fail instead.
            connection = connection.execution_options(begin="BEGIN IMMEDIATE")
        with connection.begin():
            yield connection
