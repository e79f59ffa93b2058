"""Where catalog, lexical indexes and vectors disagree."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select, text

from ingest import lexical_index
from ingest.catalog import Catalog, CatalogUnusable
from ingest.document import Revision
from ingest.schema import documents, is_current, partitions, passages, revisions
from ingest.scope import collection_of
from ingest.sqlite_database import SqliteDatabase
from ingest.vector_sync import differences, partition_of
from ingest.vectors import VectorStore


def database_faults(database: SqliteDatabase) -> Iterator[str]:
    """What is wrong in the catalog's file: damage, rows without an owner, lexical indexes that lack or add rows."""
    try:
        with database.read() as connection:
            for (found,) in connection.execute(text("PRAGMA integrity_check(20)")):
                if found != "ok":
                    yield f"{database.path}: {found}"
            for table, row, *_ in connection.execute(text("PRAGMA foreign_key_check")):
                yield f"{database.path}: row {row} of {table} belongs to nothing"
            for partition in connection.scalars(select(partitions.c.id).order_by(partitions.c.id)).all():
                yield from _index_faults(connection, partition)
    except CatalogUnusable as error:
        yield str(error)


def content_faults(catalog: Catalog) -> Iterator[str]:
    """Documents whose passages are not what stands at their spans, and revisions that were never finished."""
    for collection in catalog.collections():
        for revision in catalog.unpublished(collection):
            yield f"{_named(revision)} was prepared and never published; the next ingest sweeps it"
    for revision in catalog.current():
        content = catalog.document(revision.id).text
        stored = catalog.passages_of(revision.id)
        if len(stored) != revision.passage_count:
            yield f"{_named(revision)} has {len(stored)} passages of {revision.passage_count}; ingest its file again"
        if any(found.passage.span.of(content) != found.passage.text for found in stored):
            yield f"{_named(revision)} has passages that its text does not hold; ingest its file again"


def vector_faults(catalog: Catalog, vectors: VectorStore) -> Iterator[str]:
    """Revisions whose vectors are not all there, and vectors of nothing that holds."""
    current = catalog.current()
    names = sorted({*vectors.collections(), *map(partition_of, current)})
    for found in differences(vectors, names, current):
        for revision, count in found.incomplete.items():
            what = f"{count} vectors of {revision.passage_count}"
            yield f"{_named(revision)} has {what}; the next ingest or docqa rebuild makes them"
        for orphan in found.orphans:
            where = collection_of(found.partition)
            yield f"{where}: vectors of {orphan}, which does not hold; the next ingest sweeps them"


def _index_faults(connection: Connection, partition: int) -> Iterator[str]:
    index = lexical_index.name_of(partition)
    held = (
        select(passages.c.row)
        .select_from(passages.join(revisions, passages.c.revision_id == revisions.c.id).join(documents))
        .where(is_current, revisions.c.partition_id == partition)
    )
    expected = set(connection.scalars(held))
    indexed = set(connection.scalars(text(f"SELECT id FROM {index}_docsize")))
    for count, what in ((len(expected - indexed), "lacks"), (len(indexed - expected), "has, of nothing that holds,")):
        if count:
            yield f"the lexical index {index} {what} {count} passages; docqa rebuild makes it anew"


def _named(revision: Revision) -> str:
    return f"{revision.collection}/{revision.source} revision {revision.number}"
