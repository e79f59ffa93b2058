"""The catalog: the truth about documents, revisions and passages, and lexical search over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.document import Document, DocumentId, Passage, Revision, StoredPassage


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage found by its words; a higher ``score`` is better (BM25, unbounded)."""

    passage_id: str
    score: float


@dataclass(frozen=True, slots=True)
class PreparedRevision:
    """A revision that is written but not yet seen by any reader."""

    revision: Revision
    passage_ids: tuple[str, ...]


class Catalog(Protocol):
    """Law: publishing is atomic; a crash at any instruction loses nothing that was published.

    A revision is prepared (invisible), its vectors are written, then it is published: in one transaction it
    becomes the current one and its predecessor ends. Readers see the old one or the new one.
    """

    def prepare(self, collection: str, document: Document, passages: Sequence[Passage]) -> PreparedRevision:
        """Write a new revision that no reader sees yet."""
        ...

    def publish(self, prepared: PreparedRevision) -> Revision | None:
        """Make it current; returns the revision that it replaced, if any."""
        ...

    def discard(self, revision_id: str) -> None:
        """Delete an unpublished or replaced revision with its passages."""
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
        """A published revision by document and number."""
        ...

    def document(self, revision_id: str) -> Document:
        """The canonical document of a revision. Raises KeyError."""
        ...

    def passages(self, passage_ids: Sequence[str]) -> Mapping[str, StoredPassage]:
        """Passages of current revisions by id; ids that are unknown or no longer current are left out."""
        ...

    def passages_of(self, revision_id: str) -> Sequence[StoredPassage]:
        """All passages of a revision in the order of the text."""
        ...

    def search(self, collection: str, question: str, k: int) -> Sequence[LexicalHit]:
        """At most ``k`` current passages that share words with ``question``, best first, ties by id."""
        ...

    def collections(self) -> Sequence[str]:
        """Names of collections that hold a current revision, sorted."""
        ...
