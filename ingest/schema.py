"""The catalog's tables.

A revision is *prepared* while ``valid_from`` is null, *current* while only ``valid_to`` is null, *replaced* when
both are set. The index ``one_current`` makes two current revisions of a document impossible, whatever the code does.
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

SCHEMA_VERSION = 1

metadata = MetaData()

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("source", String, nullable=False),
    UniqueConstraint("collection_id", "source"),
)

# The long columns come last: SQLite then reads the short ones without touching their overflow pages.
revisions = Table(
    "revisions",
    metadata,
    Column("id", String, primary_key=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False),
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

revisions_by_collection = collections.join(documents).join(revisions)

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
