"""Connections and transactions of one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from ingest.catalog import CatalogUnusable

BUSY_TIMEOUT_S = 30
BUSY_PAUSE_S = 0.01
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
        write_ahead(connection)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}")

    # The driver would begin transactions by its own rules; here each begins as its purpose asks.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def write_ahead(connection: sqlite3.Connection) -> None:
    """Let the file have a write-ahead log; wait for others who are opening it for at most `BUSY_TIMEOUT_S`.

    Two that change the mode of a new file at once each hold what the other needs; SQLite then fails one of them
    without its timeout (https://www.sqlite.org/c3ref/busy_handler.html), and it has to begin again.
    """
    give_up = monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > give_up:
                raise
            sleep(BUSY_PAUSE_S)


@contextmanager
def transaction(engine: Engine, *, writing: bool = False) -> Iterator[Connection]:
    """A transaction that is committed at the end and undone by an error, on any kind of database."""
    with engine.connect() as connection:
        if writing:
            # SQLite: taking the write lock at once waits for another writer; taking it midway would fail instead.
            connection = connection.execution_options(begin="BEGIN IMMEDIATE")
        with connection.begin():
            yield connection
