"""The catalog's tables.

A revision is *prepared* while ``valid_from`` is null, *current* while only ``valid_to`` is null, *replaced* when
both are set. The index ``one_current`` makes two current revisions of a document impossible, whatever the code does.
A document whose last revision was replaced by nothing is *removed*; its place is free for another one.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
    text,
)

SCHEMA_VERSION = 2

metadata = MetaData()

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)

# Each has a lexical index of its own. The labels stand as the JSON of a sorted list.
partitions = Table(
    "partitions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("labels", String, nullable=False),
    UniqueConstraint("collection_id", "labels"),
)

# ``last_number`` keeps a revision's number from being given twice, also after the revision was swept.
documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),
    Column("partition_id", ForeignKey("partitions.id"), nullable=False),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("root", String, nullable=False),
    Column("source", String, nullable=False),
    Column("removed_at", Float),
    Column("last_number", Integer, nullable=False),
)

Index(
    "one_at_a_place",
    documents.c.collection_id,
    documents.c.root,
    documents.c.source,
    unique=True,
    sqlite_where=documents.c.removed_at.is_(None),
)

Index("documents_by_partition", documents.c.partition_id)
Index("documents_never_published", documents.c.id, sqlite_where=documents.c.last_number == 0)

# Where a document was before.
moves = Table(
    "moves",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("moved_at", Float, nullable=False),
    Column("root", String, nullable=False),
    Column("source", String, nullable=False),
)

# ``partition_id`` is where the revision was indexed; the document's own may be another one since. The long columns
# come last: SQLite then reads the short ones without touching their overflow pages.
revisions = Table(
    "revisions",
    metadata,
    Column("id", String, primary_key=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False),
    Column("partition_id", ForeignKey("partitions.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("prepared_at", Float, nullable=False),
    Column("valid_from", Float),
    Column("valid_to", Float),
    Column("title", String, nullable=False),
    Column("content_hash", String, nullable=False),
    Column("media_type", String, nullable=False),
    Column("recipe", String, nullable=False),
    Column("passage_count", Integer, nullable=False),
    Column("page_starts", JSON, nullable=False),
    Column("sections", JSON, nullable=False),
    Column("text", String, nullable=False),
    UniqueConstraint("document_id", "number"),
)

is_current = and_(revisions.c.valid_from.is_not(None), revisions.c.valid_to.is_(None))
is_prepared = revisions.c.valid_from.is_(None)

Index("one_current", revisions.c.document_id, unique=True, sqlite_where=is_current)

passages = Table(
    "passages",
    metadata,
    Column("row", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("revision_id", ForeignKey("revisions.id", ondelete="CASCADE"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("first_page", Integer),
    Column("last_page", Integer),
    Column("section_path", JSON, nullable=False),
    Column("lead_in", String, nullable=False),
    Column("text", String, nullable=False),
    UniqueConstraint("revision_id", "ordinal"),
)

state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
)


def create(connection: Connection) -> None:
    """Make all tables in an empty database; the caller's transaction makes it all or nothing."""
    metadata.create_all(connection)
    connection.execute(state.insert().values(id=1, generation=0))
    connection.execute(
        text("""
            CREATE VIEW lexical_source AS
            SELECT passages.row, passages.revision_id, revisions.title, passages.section_path,
                passages.lead_in || char(10) || passages.text AS text
            FROM passages JOIN revisions ON revisions.id = passages.revision_id
        """)
    )
    connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))
