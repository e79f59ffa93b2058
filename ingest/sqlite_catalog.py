"""The catalog in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Select, create_engine, delete, event, func, select, text, update
from sqlalchemy.exc import DatabaseError

from ingest import lexical_index, schema
from ingest.catalog import CatalogUnusable, LexicalHit, PreparedRevision, document_id, revision_id
from ingest.document import Document, DocumentId, Passage, Revision, StoredPassage
from ingest.rows import (
    document_of,
    passage_row,
    revision_of,
    revision_row,
    select_passages,
    select_revisions,
    stored_passages,
)
from ingest.schema import (
    collections,
    documents,
    is_current,
    is_prepared,
    passages,
    revisions,
    revisions_by_collection,
    state,
)

BUSY_TIMEOUT_S = 30


class SqliteCatalog:
    """Implements `ingest.catalog.Catalog`; for many threads, and for other processes that read meanwhile.

    Every method is one transaction. A reader never waits for a writer (write-ahead log), and a commit is on the
    disk before `publish` returns.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the file at ``path`` or make it. Raises CatalogUnusable if it is something else."""
        self._path = path
        self._clock = clock
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = _engine(path)
        self._create_or_check()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def prepare(
        self, collection: str, document: Document, passages: Sequence[Passage], recipe: str = ""
    ) -> PreparedRevision:
        """See `Catalog.prepare`."""
        owner = document_id(collection, document.source)
        with self._write() as connection:
            _ensure_document(connection, owner, collection, document.source)
            number = 1 + (
                connection.scalar(select(func.max(revisions.c.number)).where(revisions.c.document_id == owner)) or 0
            )
            revision = Revision(
                id=revision_id(owner, number),
                document_id=owner,
                collection=collection,
                source=document.source,
                number=number,
                title=document.title,
                content_hash=document.content_hash,
                media_type=document.media_type,
                valid_from=self._clock(),
                valid_to=None,
                passage_count=len(passages),
                recipe=recipe,
            )
            connection.execute(revisions.insert().values(revision_row(revision, document)))
            rows = [passage_row(revision.id, passage) for passage in passages]
            if rows:
                connection.execute(schema.passages.insert(), rows)
        return PreparedRevision(revision, tuple(row["id"] for row in rows))

    def publish(self, prepared: PreparedRevision) -> Revision | None:
        """See `Catalog.publish`."""
        new = prepared.revision
        with self._write() as connection:
            waiting = select(revisions.c.id).where(revisions.c.id == new.id, is_prepared)
            if connection.scalar(waiting) is None:
                raise KeyError(new.id)
            index = connection.scalars(select(collections.c.id).where(collections.c.name == new.collection)).one()
            lexical_index.create(connection, index)
            old = connection.execute(select_revisions().where(is_current, documents.c.id == new.document_id)).first()
            now = self._clock()
            if old is not None:
                now = max(now, old.valid_from)
                connection.execute(update(revisions).where(revisions.c.id == old.id).values(valid_to=now))
                lexical_index.remove(connection, index, old.id)
            connection.execute(update(revisions).where(revisions.c.id == new.id).values(valid_from=now))
            lexical_index.add(connection, index, new.id)
            connection.execute(update(state).values(generation=state.c.generation + 1))
            return None if old is None else revision_of({**old._mapping, "valid_to": now})

    def discard(self, revision_id: str) -> None:
        """See `Catalog.discard`."""
        with self._write() as connection:
            if connection.scalar(select(revisions.c.id).where(revisions.c.id == revision_id, is_current)):
                raise ValueError(f"revision {revision_id} holds now and can't be discarded")
            connection.execute(delete(revisions).where(revisions.c.id == revision_id))

    def confirm(self, revision_id: str, recipe: str) -> None:
        """See `Catalog.confirm`."""
        confirmed = update(revisions).where(revisions.c.id == revision_id, is_current).values(recipe=recipe)
        with self._write() as connection:
            if connection.execute(confirmed).rowcount == 0:
                raise KeyError(revision_id)

    def unpublished(self, collection: str) -> Sequence[str]:
        """See `Catalog.unpublished`."""
        query = select_revisions().where(is_prepared, collections.c.name == collection).order_by(revisions.c.id)
        with self._read() as connection:
            return [row.id for row in connection.execute(query)]

    def current(self, collection: str | None = None) -> Sequence[Revision]:
        """See `Catalog.current`."""
        query = select_revisions().where(is_current).order_by(collections.c.name, documents.c.source)
        if collection is not None:
            query = query.where(collections.c.name == collection)
        with self._read() as connection:
            return [revision_of(row._mapping) for row in connection.execute(query)]

    def current_of(self, collection: str, source: str) -> Revision | None:
        """See `Catalog.current_of`."""
        return self._one_revision(
            select_revisions().where(is_current, documents.c.id == document_id(collection, source))
        )

    def revision(self, document_id: DocumentId, number: int) -> Revision | None:
        """See `Catalog.revision`."""
        return self._one_revision(
            select_revisions().where(~is_prepared, documents.c.id == document_id, revisions.c.number == number)
        )

    def document(self, revision_id: str) -> Document:
        """See `Catalog.document`."""
        query = select(revisions, documents.c.source).join(documents).where(revisions.c.id == revision_id)
        with self._read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise KeyError(revision_id)
        return document_of(row._mapping)

    def passages(self, passage_ids: Sequence[str]) -> Mapping[str, StoredPassage]:
        """See `Catalog.passages`."""
        # One parameter however many ids: the statement stays the same and knows no limit of variables.
        wanted = text("passages.id IN (SELECT value FROM json_each(:ids))").bindparams(
            ids=json.dumps(list(passage_ids))
        )
        with self._read() as connection:
            found = stored_passages(connection, select_passages().where(wanted, is_current))
        return {passage.id: passage for passage in found}

    def passages_of(self, revision_id: str) -> Sequence[StoredPassage]:
        """See `Catalog.passages_of`."""
        query = select_passages().where(passages.c.revision_id == revision_id).order_by(passages.c.ordinal)
        with self._read() as connection:
            return stored_passages(connection, query)

    def search(self, collection: str, question: str, k: int) -> Sequence[LexicalHit]:
        """See `Catalog.search`."""
        # Only publishing makes the index, so a collection without a published document has none.
        published = select(collections.c.id).select_from(revisions_by_collection).where(~is_prepared)
        with self._read() as connection:
            index = connection.scalar(published.where(collections.c.name == collection).limit(1))
            return [] if index is None else lexical_index.search(connection, index, question, k)

    def generation(self) -> int:
        """See `Catalog.generation`."""
        with self._read() as connection:
            return int(connection.scalars(select(state.c.generation)).one())

    def collections(self) -> Sequence[str]:
        """See `Catalog.collections`."""
        query = select(collections.c.name).select_from(revisions_by_collection).where(is_current)
        with self._read() as connection:
            return list(connection.scalars(query.distinct().order_by(collections.c.name)))

    def _one_revision(self, query: Select[Any]) -> Revision | None:
        with self._read() as connection:
            row = connection.execute(query).first()
        return None if row is None else revision_of(row._mapping)

    def _create_or_check(self) -> None:
        with self._read() as connection:
            version = connection.scalar(text("PRAGMA user_version"))
        if version == 0:
            with self._write() as connection:
                version = connection.scalar(text("PRAGMA user_version"))
                if version == 0:
                    schema.create(connection)
                    version = schema.SCHEMA_VERSION
        if version != schema.SCHEMA_VERSION:
            raise CatalogUnusable(
                f"{self._path} has schema version {version}, this program knows {schema.SCHEMA_VERSION}; "
                "use the program version that wrote it"
            )

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._named_errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        # Taking the write lock at once waits for another writer; taking it midway would fail instead.
        with self._named_errors(), self._engine.connect() as connection:
            connection = connection.execution_options(begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise CatalogUnusable(f"{self._path}: {error.orig}") from error


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    # The driver would begin transactions by its own rules; here each begins as its purpose asks.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _ensure_document(connection: Connection, id: DocumentId, collection: str, source: str) -> None:
    if connection.scalar(select(documents.c.id).where(documents.c.id == id)) is not None:
        return
    owner = connection.scalar(select(collections.c.id).where(collections.c.name == collection))
    if owner is None:
        inserted = connection.execute(collections.insert().values(name=collection).returning(collections.c.id))
        owner = inserted.scalar_one()
    connection.execute(documents.insert().values(id=id, collection_id=owner, source=source))
