"""The service's own database: a SQLite file in the data folder, or Postgres by its URL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, InterfaceError, NoSuchModuleError

from api.state.migrations import SchemaTooNew, migrate
from ingest.sqlite_database import sqlite_engine, transaction

CONNECT_TIMEOUT_S = 10


class DatabaseUnusable(Exception):
    """The database can't be opened, read or written; the message says which and why, without its password."""


class Database:
    """Transactions on one database, whose schema is brought up to date when it is opened. For many threads."""

    def __init__(self, url: URL) -> None:
        """Open it. Raises `DatabaseUnusable`."""
        self._name = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
        self._engine = _engine(url)
        try:
            with self.write() as connection:
                migrate(connection)
        except Exception as error:
            self.close()
            if isinstance(error, SchemaTooNew):
                raise DatabaseUnusable(f"{self._name}: {error}") from error
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction for reading. Raises `DatabaseUnusable`."""
        with self._named_errors(), transaction(self._engine) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is on the disk once this ends without an error. Raises `DatabaseUnusable`."""
        with self._named_errors(), transaction(self._engine, writing=True) as connection:
            yield connection

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # the caller's to understand
        except (DatabaseError, InterfaceError) as error:
            raise DatabaseUnusable(f"{self._name}: {' '.join(str(error.orig).split())}") from error


def database_url(configured: str | None, default: Path) -> URL:
    """The URL in the settings, else that of the SQLite file ``default``. Raises `DatabaseUnusable`."""
    if configured is None:
        return URL.create("sqlite", database=str(default))
    try:
        url = make_url(configured)
    except ArgumentError as error:
        raise DatabaseUnusable("the database's URL can't be read; it looks like postgresql://USER@HOST/NAME") from error
    # SQLAlchemy's own default driver is another, which is not installed with this product.
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url


def upsert(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert ``row``, or give the row with the same primary key these values."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**row)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def _engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite_engine(url)
    if backend != "postgresql":
        raise DatabaseUnusable(f"{backend} databases are not supported: take SQLite or Postgres")
    try:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise DatabaseUnusable(
            f"the driver for {url.drivername} is missing; run: pip install 'docqa[postgres]'"
        ) from error


def _sqlite_engine(url: URL) -> Engine:
    if url.database is None:
        raise DatabaseUnusable("a SQLite database needs a file")
    engine = sqlite_engine(url)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        # SQLite's own knows ASCII alone.
        connection.create_function("lower", 1, _lower, deterministic=True)

    return engine


def _lower(value: object) -> str | None:
    return value.lower() if isinstance(value, str) else None
