"""The catalog in one SQLite file: what it tells. What changes it is in `ingest.sqlite_writing`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, text

from ingest import lexical_index, schema
from ingest.catalog import CatalogUnusable, LexicalHit, Move
from ingest.document import Document, DocumentId, Revision, StoredPassage
from ingest.rows import (
    document_of,
    revision_of,
    revisions_by_collection,
    select_passages,
    select_revisions,
    stored_passages,
)
from ingest.schema import (
    collections,
    documents,
    is_current,
    is_prepared,
    moves,
    partitions,
    passages,
    revisions,
    state,
)
from ingest.scope import EVERYTHING, NOW, Labels, Scope
from ingest.sqlite_database import SqliteDatabase
from ingest.sqlite_writing import SqliteWriting

_PLACE = (collections.c.name, documents.c.source, documents.c.root)


class SqliteCatalog(SqliteWriting):
    """Implements `ingest.catalog.Catalog`; for many threads, and for other processes that read meanwhile.

    Every method is one transaction. A reader never waits for a writer (write-ahead log), and a commit is on the
    disk before `publish` returns.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the file at ``path`` or make it. Raises CatalogUnusable if it is something else."""
        super().__init__(SqliteDatabase(path), clock)
        self._create_or_check()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def unpublished(self, collection: str) -> Sequence[Revision]:
        """See `Catalog.unpublished`."""
        return self._revisions(is_prepared, collections.c.name == collection, order=(revisions.c.id,))

    def current(self, collection: str | None = None) -> Sequence[Revision]:
        """See `Catalog.current`."""
        return self._revisions(is_current, _in(collection), order=_PLACE)

    def current_of(self, collection: str, source: str, root: str = "") -> Revision | None:
        """See `Catalog.current_of`."""
        place = and_(collections.c.name == collection, documents.c.source == source, documents.c.root == root)
        return next(iter(self._revisions(is_current, place)), None)

    def removed(self, collection: str | None = None) -> Sequence[Revision]:
        """See `Catalog.removed`."""
        newer = revisions.alias("newer")
        last = select(func.max(newer.c.number)).where(
            newer.c.document_id == revisions.c.document_id, newer.c.valid_from.is_not(None)
        )
        gone = and_(documents.c.removed_at.is_not(None), revisions.c.number == last.scalar_subquery())
        return self._revisions(gone, _in(collection), order=_PLACE)

    def history(self, document_id: DocumentId) -> Sequence[Revision]:
        """See `Catalog.history`."""
        return self._revisions(~is_prepared, documents.c.id == document_id, order=(revisions.c.number,))

    def moves(self, document_id: DocumentId) -> Sequence[Move]:
        """See `Catalog.moves`."""
        query = select(moves).where(moves.c.document_id == document_id).order_by(moves.c.id)
        with self.database.read() as connection:
            return [Move(row.moved_at, row.root, row.source) for row in connection.execute(query)]

    def revision(self, document_id: DocumentId, number: int) -> Revision | None:
        """See `Catalog.revision`."""
        wanted = and_(documents.c.id == document_id, revisions.c.number == number)
        return next(iter(self._revisions(~is_prepared, wanted)), None)

    def document(self, revision_id: str) -> Document:
        """See `Catalog.document`."""
        query = (
            select(revisions, documents.c.source)
            .select_from(revisions.join(documents))
            .where(revisions.c.id == revision_id)
        )
        with self.database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise KeyError(revision_id)
        return document_of(row._mapping)

    def passages(self, passage_ids: Sequence[str], scope: Scope = NOW) -> Mapping[str, StoredPassage]:
        """See `Catalog.passages`."""
        # One parameter however many ids: the statement stays the same and knows no limit of variables.
        wanted = text("passages.id IN (SELECT value FROM json_each(:ids))").bindparams(
            ids=json.dumps(list(passage_ids))
        )
        with self.database.read() as connection:
            found = stored_passages(connection, select_passages().where(wanted, _held(scope)))
        return {passage.id: passage for passage in found if scope.reads(passage.revision.labels)}

    def passages_of(self, revision_id: str) -> Sequence[StoredPassage]:
        """See `Catalog.passages_of`."""
        query = select_passages().where(passages.c.revision_id == revision_id).order_by(passages.c.ordinal)
        with self.database.read() as connection:
            return stored_passages(connection, query)

    def passages_within(self, collection: str, scope: Scope) -> Sequence[StoredPassage]:
        """See `Catalog.passages_within`."""
        query = select_passages().where(collections.c.name == collection, _held(scope)).order_by(passages.c.id)
        with self.database.read() as connection:
            found = stored_passages(connection, query)
        return [passage for passage in found if scope.reads(passage.revision.labels)]

    def search(self, collection: str, question: str, k: int, scope: Scope = NOW) -> Sequence[LexicalHit]:
        """See `Catalog.search`. A search of the past makes its index for itself: 50 µs for each passage."""
        with self.database.read() as connection:
            if scope.as_of is None:
                return lexical_index.search(connection, _indexes(connection, collection, scope), question, k)
            held = select_revisions().where(collections.c.name == collection, _held(scope))
            readable = [
                revision
                for row in connection.execute(held)
                if scope.reads((revision := revision_of(row._mapping)).labels)
            ]
            lexical_index.create_past(connection, json.dumps([revision.id for revision in readable]))
            size = sum(revision.passage_count for revision in readable)
            hits = lexical_index.search(connection, {lexical_index.PAST: size}, question, k)
            lexical_index.drop(connection, lexical_index.PAST)
            return hits

    def partitions(self, collection: str) -> Sequence[Labels]:
        """See `Catalog.partitions`."""
        with self.database.read() as connection:
            return sorted(_partitions(connection, collection).values())

    def generation(self) -> int:
        """See `Catalog.generation`."""
        with self.database.read() as connection:
            return int(connection.scalars(select(state.c.generation)).one())

    def collections(self, scope: Scope = EVERYTHING) -> Sequence[str]:
        """See `Catalog.collections`."""
        query = select(collections.c.name, partitions.c.labels).select_from(revisions_by_collection).where(is_current)
        with self.database.read() as connection:
            found = connection.execute(query.distinct()).all()
        return sorted({name for name, labels in found if scope.reads(tuple(json.loads(labels)))})

    def _revisions(
        self, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[Any]] = ()
    ) -> Sequence[Revision]:
        query: Select[Any] = select_revisions().where(*conditions).order_by(*order)
        with self.database.read() as connection:
            return [revision_of(row._mapping) for row in connection.execute(query)]

    def _create_or_check(self) -> None:
        with self.database.read() as connection:
            version = connection.scalar(text("PRAGMA user_version"))
        if version == 0:
            with self.database.write() as connection:
                version = connection.scalar(text("PRAGMA user_version"))
                if version == 0:
                    schema.create(connection)
                    version = schema.SCHEMA_VERSION
        if version != schema.SCHEMA_VERSION:
            raise CatalogUnusable(
                f"{self.database.path} has schema version {version}, this program knows {schema.SCHEMA_VERSION}; "
                "use the program version that wrote it, or move the file away and ingest the documents anew"
            )


def _in(collection: str | None) -> ColumnElement[bool]:
    return text("1") if collection is None else collections.c.name == collection  # type: ignore[return-value]


def _held(scope: Scope) -> ColumnElement[bool]:
    """The revisions that held at the time of a scope, whoever may read them."""
    if scope.as_of is None:
        return is_current
    ended = or_(revisions.c.valid_to.is_(None), revisions.c.valid_to > scope.as_of)
    return and_(revisions.c.valid_from <= scope.as_of, ended)


def _partitions(connection: Connection, collection: str) -> dict[int, Labels]:
    """The partitions of a collection that hold a current revision."""
    query = select(partitions.c.id, partitions.c.labels).select_from(partitions.join(collections))
    query = query.where(collections.c.name == collection)
    held = select(revisions.c.id).select_from(documents.join(revisions))
    held = held.where(documents.c.partition_id == partitions.c.id, is_current)
    rows = connection.execute(query.where(held.exists()).order_by(partitions.c.id))
    return {id: tuple(json.loads(labels)) for id, labels in rows}


def _indexes(connection: Connection, collection: str, scope: Scope) -> dict[str, int]:
    """The lexical indexes that may be read with the numbers of their rows."""
    readable = [id for id, labels in _partitions(connection, collection).items() if scope.reads(labels)]
    query = (
        select(documents.c.partition_id, func.sum(revisions.c.passage_count))
        .select_from(revisions.join(documents))
        .where(is_current, documents.c.partition_id.in_(readable))
        .group_by(documents.c.partition_id)
    )
    return {lexical_index.name_of(id): size for id, size in connection.execute(query)}
