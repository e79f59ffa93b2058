"""Between the catalog's rows and the values they stand for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Join, Select, case, select

from ingest.catalog import passage_id
from ingest.document import Document, DocumentId, PageMap, Passage, Revision, Section, Span, StoredPassage
from ingest.schema import collections, documents, is_prepared, partitions, passages, revisions

_planned = partitions.alias("planned")

revisions_by_collection = (
    revisions.join(documents, revisions.c.document_id == documents.c.id)
    .join(partitions, documents.c.partition_id == partitions.c.id)
    .join(collections, documents.c.collection_id == collections.c.id)
)
"""Revisions with their document, its partition and its collection."""

_REVISION = (
    revisions.c.id,
    revisions.c.document_id,
    collections.c.name.label("collection"),
    documents.c.source,
    revisions.c.number,
    revisions.c.title,
    revisions.c.content_hash,
    revisions.c.media_type,
    revisions.c.prepared_at,
    revisions.c.valid_from,
    revisions.c.valid_to,
    revisions.c.passage_count,
    revisions.c.recipe,
    documents.c.root,
    # Who may read it now; for a prepared one, who will.
    case((is_prepared, _planned.c.labels), else_=partitions.c.labels).label("labels"),
)
_PASSAGE = (
    passages.c.id.label("passage_id"),
    passages.c.ordinal,
    passages.c.start,
    passages.c.end,
    passages.c.first_page,
    passages.c.last_page,
    passages.c.section_path,
    passages.c.lead_in,
    passages.c.text,
)


def select_revisions() -> Select[Any]:
    """Rows for `revision_of`, without the long columns."""
    return select(*_REVISION).select_from(_labelled())


def select_passages() -> Select[Any]:
    """Rows for `stored_passages`."""
    return select(*_REVISION, *_PASSAGE).select_from(
        _labelled().join(passages, passages.c.revision_id == revisions.c.id)
    )


def _labelled() -> Join:
    return revisions_by_collection.join(_planned, revisions.c.partition_id == _planned.c.id)


def revision_of(row: Mapping[Any, Any]) -> Revision:
    """A revision from a row of `select_revisions`; a prepared one counts from its preparation."""
    return Revision(
        id=row["id"],
        document_id=DocumentId(row["document_id"]),
        collection=row["collection"],
        source=row["source"],
        number=row["number"],
        title=row["title"],
        content_hash=row["content_hash"],
        media_type=row["media_type"],
        valid_from=row["prepared_at"] if row["valid_from"] is None else row["valid_from"],
        valid_to=row["valid_to"],
        passage_count=row["passage_count"],
        recipe=row["recipe"],
        root=row["root"],
        labels=tuple(json.loads(row["labels"])),
    )


def revision_row(revision: Revision, document: Document, partition: int) -> dict[str, Any]:
    """A row of the table ``revisions`` for a revision that is prepared."""
    return {
        "id": revision.id,
        "document_id": revision.document_id,
        "partition_id": partition,
        "number": revision.number,
        "prepared_at": revision.valid_from,
        "title": revision.title,
        "content_hash": revision.content_hash,
        "media_type": revision.media_type,
        "recipe": revision.recipe,
        "passage_count": revision.passage_count,
        "page_starts": list(document.pages.starts),
        "sections": [[list(s.path), s.level, s.span.start, s.span.end] for s in document.sections],
        "text": document.text,
    }


def document_of(row: Mapping[Any, Any]) -> Document:
    """A document from all columns of its revision and its source."""
    return Document(
        source=row["source"],
        title=row["title"],
        text=row["text"],
        content_hash=row["content_hash"],
        media_type=row["media_type"],
        pages=PageMap(tuple(row["page_starts"])),
        sections=tuple(Section(tuple(path), level, Span(start, end)) for path, level, start, end in row["sections"]),
    )


def passage_row(revision_id: str, passage: Passage) -> dict[str, Any]:
    """A row of the table ``passages``."""
    first_page, last_page = passage.pages or (None, None)
    return {
        "id": passage_id(revision_id, passage.ordinal),
        "revision_id": revision_id,
        "ordinal": passage.ordinal,
        "start": passage.span.start,
        "end": passage.span.end,
        "first_page": first_page,
        "last_page": last_page,
        "section_path": list(passage.section_path),
        "lead_in": passage.lead_in,
        "text": passage.text,
    }


def stored_passages(connection: Connection, query: Select[Any]) -> list[StoredPassage]:
    """The passages of a query that `select_passages` began; those of one revision share it."""
    revision: dict[str, Revision] = {}
    found: list[StoredPassage] = []
    for row in connection.execute(query).mappings():
        owner = revision.setdefault(row["id"], revision_of(row))
        passage = Passage(
            ordinal=row["ordinal"],
            span=Span(row["start"], row["end"]),
            text=row["text"],
            section_path=tuple(row["section_path"]),
            pages=None if row["first_page"] is None else (row["first_page"], row["last_page"]),
            lead_in=row["lead_in"],
        )
        found.append(StoredPassage(row["passage_id"], owner, passage))
    return found
