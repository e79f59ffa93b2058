"""What changes the catalog, each method in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from ingest import lexical_index, schema
from ingest.catalog import PreparedRevision, document_id, revision_id
from ingest.document import Document, DocumentId, Passage, Revision
from ingest.rows import passage_row, revision_of, revision_row, select_revisions
from ingest.schema import collections, documents, is_current, is_prepared, moves, partitions, revisions, state
from ingest.scope import Labels
from ingest.sqlite_database import SqliteDatabase


class SqliteWriting:
    """The writing half of `ingest.sqlite_catalog.SqliteCatalog`."""

    def __init__(self, database: SqliteDatabase, clock: Callable[[], float]) -> None:
        self.database = database
        self._clock = clock

    def prepare(
        self,
        collection: str,
        document: Document,
        passages: Sequence[Passage],
        recipe: str = "",
        *,
        root: str = "",
        labels: Labels = (),
        into: DocumentId | None = None,
    ) -> PreparedRevision:
        """See `Catalog.prepare`."""
        with self.database.write() as connection:
            partition = _ensure_partition(connection, collection, labels)
            owner = _owner(connection, collection, root, document.source, partition, into)
            used = select(func.max(revisions.c.number)).where(revisions.c.document_id == owner.id)
            number = 1 + max(owner.last_number, connection.scalar(used) or 0)
            revision = Revision(
                id=revision_id(DocumentId(owner.id), number),
                document_id=DocumentId(owner.id),
                collection=collection,
                source=owner.source,
                number=number,
                title=document.title,
                content_hash=document.content_hash,
                media_type=document.media_type,
                valid_from=self._clock(),
                valid_to=None,
                passage_count=len(passages),
                recipe=recipe,
                root=owner.root,
                labels=labels,
            )
            connection.execute(revisions.insert().values(revision_row(revision, document, partition)))
            rows = [passage_row(revision.id, passage) for passage in passages]
            if rows:
                connection.execute(schema.passages.insert(), rows)
        return PreparedRevision(revision, tuple(row["id"] for row in rows))

    def publish(self, prepared: PreparedRevision) -> Revision | None:
        """See `Catalog.publish`."""
        new = prepared.revision
        with self.database.write() as connection:
            waiting = select(revisions.c.partition_id).where(revisions.c.id == new.id, is_prepared)
            partition = connection.scalar(waiting)
            if partition is None:
                raise KeyError(new.id)
            old, now = self._end_current(connection, new.document_id)
            begun = update(revisions).where(revisions.c.id == new.id).values(valid_from=now)
            connection.execute(begun)
            values = {"partition_id": partition, "removed_at": None, "last_number": new.number}
            _change_document(connection, new.document_id, values)
            lexical_index.add(connection, lexical_index.name_of(partition), new.id)
            connection.execute(update(state).values(generation=state.c.generation + 1))
            return old

    def discard(self, revision_id: str) -> None:
        """See `Catalog.discard`."""
        with self.database.write() as connection:
            if connection.scalar(select(revisions.c.id).where(revisions.c.id == revision_id, is_current)):
                raise ValueError(f"revision {revision_id} holds now and can't be discarded")
            connection.execute(delete(revisions).where(revisions.c.id == revision_id))
            # A document that never was would stand in the way of one that is moved to its place.
            left = select(revisions.c.id).where(revisions.c.document_id == documents.c.id)
            connection.execute(delete(documents).where(documents.c.last_number == 0, ~left.exists()))

    def confirm(self, revision_id: str, recipe: str) -> None:
        """See `Catalog.confirm`."""
        confirmed = update(revisions).where(revisions.c.id == revision_id, is_current).values(recipe=recipe)
        with self.database.write() as connection:
            if connection.execute(confirmed).rowcount == 0:
                raise KeyError(revision_id)

    def remove(self, document_id: DocumentId) -> Revision | None:
        """See `Catalog.remove`."""
        with self.database.write() as connection:
            ended, now = self._end_current(connection, document_id)
            if ended is not None:
                _change_document(connection, document_id, {"removed_at": now})
                connection.execute(update(state).values(generation=state.c.generation + 1))
            return ended

    def move(self, document_id: DocumentId, root: str, source: str) -> None:
        """See `Catalog.move`."""
        with self.database.write() as connection:
            before = connection.execute(select(documents).where(documents.c.id == document_id)).first()
            if before is None:
                raise KeyError(document_id)
            connection.execute(
                moves.insert().values(
                    document_id=document_id, moved_at=self._clock(), root=before.root, source=before.source
                )
            )
            _change_document(connection, document_id, {"root": root, "source": source})
            connection.execute(update(state).values(generation=state.c.generation + 1))

    def sweep(self, before: float) -> Sequence[Revision]:
        """See `Catalog.sweep`."""
        expired = select_revisions().where(revisions.c.valid_to < before).order_by(revisions.c.id)
        with self.database.write() as connection:
            swept = [revision_of(row._mapping) for row in connection.execute(expired)]
            if swept:
                connection.execute(delete(revisions).where(revisions.c.valid_to < before))
        return swept

    def rebuild_indexes(self) -> None:
        """Make all lexical indexes anew from the passages of the current revisions, in one transaction."""
        current = select(revisions.c.partition_id, revisions.c.id).where(is_current).order_by(revisions.c.id)
        with self.database.write() as connection:
            for partition in connection.scalars(select(partitions.c.id)).all():
                lexical_index.drop(connection, lexical_index.name_of(partition))
                lexical_index.create(connection, lexical_index.name_of(partition))
            for partition, revision in connection.execute(current).all():
                lexical_index.add(connection, lexical_index.name_of(partition), revision)

    def _end_current(self, connection: Connection, document: DocumentId) -> tuple[Revision | None, float]:
        """End the revision that holds and take it out of the index; with the time of that."""
        now = self._clock()
        old = connection.execute(select_revisions().where(is_current, documents.c.id == document)).first()
        if old is None:
            # What held before a removal must not reach beyond its successor's beginning either.
            last = select(func.max(revisions.c.valid_to)).where(revisions.c.document_id == document)
            return None, max(now, connection.scalar(last) or now)
        now = max(now, old.valid_from)
        partition = connection.scalars(select(revisions.c.partition_id).where(revisions.c.id == old.id)).one()
        connection.execute(update(revisions).where(revisions.c.id == old.id).values(valid_to=now))
        lexical_index.remove(connection, lexical_index.name_of(partition), old.id)
        return revision_of({**old._mapping, "valid_to": now}), now


def _change_document(connection: Connection, document: DocumentId, values: dict[str, Any]) -> None:
    try:
        connection.execute(update(documents).where(documents.c.id == document).values(values))
    except IntegrityError as error:
        raise ValueError(f"another document stands at the place of {document}") from error


def _ensure_partition(connection: Connection, collection: str, labels: Labels) -> int:
    owner = connection.scalar(select(collections.c.id).where(collections.c.name == collection))
    if owner is None:
        inserted = connection.execute(collections.insert().values(name=collection).returning(collections.c.id))
        owner = inserted.scalar_one()
    written = json.dumps(list(labels))
    known = select(partitions.c.id).where(partitions.c.collection_id == owner, partitions.c.labels == written)
    found = connection.scalar(known)
    if found is None:
        new = partitions.insert().values(collection_id=owner, labels=written).returning(partitions.c.id)
        found = connection.execute(new).scalar_one()
        lexical_index.create(connection, lexical_index.name_of(found))
    return int(found)


def _owner(
    connection: Connection, collection: str, root: str, source: str, partition: int, into: DocumentId | None
) -> Row[Any]:
    """The row of the document to which a new revision belongs, made where there is none."""
    if into is not None:
        owner = connection.execute(select(documents).where(documents.c.id == into)).first()
        if owner is None:
            raise KeyError(into)
        return owner
    collection_id = connection.scalars(select(partitions.c.collection_id).where(partitions.c.id == partition)).one()
    place = select(documents).where(
        documents.c.collection_id == collection_id, documents.c.root == root, documents.c.source == source
    )
    # The one that stands there, else the one that was removed last.
    owner = connection.execute(
        place.order_by(documents.c.removed_at.is_not(None), documents.c.removed_at.desc(), documents.c.id)
    ).first()
    if owner is not None:
        return owner
    copy, id = 1, document_id(collection, source)
    while connection.scalar(select(documents.c.id).where(documents.c.id == id)) is not None:
        copy += 1
        id = document_id(collection, source, copy)
    new = documents.insert().values(
        id=id, partition_id=partition, collection_id=collection_id, root=root, source=source, last_number=0
    )
    connection.execute(new)
    return connection.execute(select(documents).where(documents.c.id == id)).one()
