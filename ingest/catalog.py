"""The catalog: the truth about documents, revisions and passages, and lexical search over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from ingest.document import Document, DocumentId, Passage, Revision, StoredPassage


class CatalogUnusable(Exception):
    """The catalog can't be read or written: damaged, of another version, locked for too long, disk full."""


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage found by its words; a higher ``score`` is better (BM25, unbounded)."""

    passage_id: str
    score: float


@dataclass(frozen=True, slots=True)
class PreparedRevision:
    """A revision that is written but not yet seen by any reader.

    ``revision.valid_from`` is the time of its preparation; publishing sets it anew.
    """

    revision: Revision
    passage_ids: tuple[str, ...]


def document_id(collection: str, source: str) -> DocumentId:
    """The id that one source has in one collection, on every machine and in every run."""
    return DocumentId(sha256(f"{collection}\n{source}".encode()).hexdigest()[:16])


def revision_id(document: DocumentId, number: int) -> str:
    """The id of a document's revision."""
    return f"{document}-{number}"


def passage_id(revision: str, ordinal: int) -> str:
    """The id of a revision's passage; within a revision ids sort in the order of the text."""
    return f"{revision}-{ordinal:05d}"


class Catalog(Protocol):
    """Law: publishing is atomic; a crash at any instruction loses nothing that was published.

    A revision is prepared (invisible), its vectors are written, then it is published: in one transaction it
    becomes the current one and its predecessor ends. Readers see the old one or the new one.
    """

    def prepare(
        self, collection: str, document: Document, passages: Sequence[Passage], recipe: str = ""
    ) -> PreparedRevision:
        """Write a new revision that no reader sees yet; ``recipe`` is kept with it (`Revision.recipe`)."""
        ...

    def publish(self, prepared: PreparedRevision) -> Revision | None:
        """Make it current; returns the revision that it replaced, if any.

        Raises KeyError when it was discarded or is published already.
        """
        ...

    def discard(self, revision_id: str) -> None:
        """Delete an unpublished or replaced revision with its passages; one that is gone is no error.

        Raises ValueError for the revision that holds now.
        """
        ...

    def confirm(self, revision_id: str, recipe: str) -> None:
        """Record that ``recipe`` makes of the same bytes just what the revision that holds now says.

        Raises KeyError when it is not the one that holds now.
        """
        ...

    def unpublished(self, collection: str) -> Sequence[str]:
        """Ids of prepared revisions that were never published (left by a crash)."""
        ...

    def current(self, collection: str | None = None) -> Sequence[Revision]:
        """The revisions that hold now, ordered by collection and source."""
        ...

    def current_of(self, collection: str, source: str) -> Revision | None:
        """The revision that holds now for one source."""
        ...

    def revision(self, document_id: DocumentId, number: int) -> Revision | None:
        """A published revision by document and number, current or replaced."""
        ...

    def document(self, revision_id: str) -> Document:
        """The canonical document of a revision, current, replaced or prepared. Raises KeyError."""
        ...

    def passages(self, passage_ids: Sequence[str]) -> Mapping[str, StoredPassage]:
        """Passages of current revisions by id; ids that are unknown or no longer current are left out."""
        ...

    def passages_of(self, revision_id: str) -> Sequence[StoredPassage]:
        """All passages of a revision in the order of the text."""
        ...

    def search(self, collection: str, question: str, k: int) -> Sequence[LexicalHit]:
        """At most ``k`` current passages that share words with ``question``, best first, ties by id.

        Only current revisions of this collection take part, in the hits and in what their scores are made of.
        """
        ...

    def generation(self) -> int:
        """A number that grows with every publication.

        The same before and after a few reads means that they all saw one state of the catalog.
        """
        ...

    def collections(self) -> Sequence[str]:
        """Names of collections that hold a current revision, sorted."""
        ...
