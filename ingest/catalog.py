"""The catalog: the truth about documents, revisions and passages, and lexical search over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from ingest.document import Document, DocumentId, Passage, Revision, StoredPassage
from ingest.scope import EVERYTHING, NOW, Labels, Scope


class CatalogUnusable(Exception):
    """The catalog can't be read or written: damaged, of another version, locked for too long, disk full."""


@dataclass(frozen=True, slots=True)
class LexicalHit:
    """A passage found by its words; a higher ``score`` is better.

    BM25 in units of what a word is worth that one passage alone holds, so that scores mean the same in a collection
    of ten passages and of a million: about the number of rare words that question and passage share.
    """

    passage_id: str
    score: float


@dataclass(frozen=True, slots=True)
class PreparedRevision:
    """A revision that is written but not yet seen by any reader.

    ``revision.valid_from`` is the time of its preparation; publishing sets it anew.
    """

    revision: Revision
    passage_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Until ``moved_at`` (UTC seconds since the epoch) a document stood at ``source`` below ``root``."""

    moved_at: float
    root: str
    source: str


def document_id(collection: str, source: str, copy: int = 1) -> DocumentId:
    """The id of the first document that stood at ``source`` in a collection, on every machine and in every run.

    Further ones, from another root or after the first had moved away, are copies 2, 3 and so on.
    """
    named = f"{collection}\n{source}" if copy == 1 else f"{collection}\n{source}\n{copy}"
    return DocumentId(sha256(named.encode()).hexdigest()[:16])


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
        """Write a new revision that no reader sees yet; ``recipe`` is kept with it (`Revision.recipe`).

        It is the next one of the document ``into``, which must exist; left out, of the document at this place
        (``root`` and source), of the one that was last removed from it, or of a new one. Raises KeyError for
        an unknown ``into``.
        """
        ...

    def publish(self, prepared: PreparedRevision) -> Revision | None:
        """Make it current; returns the revision that it replaced, if any.

        The replaced one is returned as it was readable until now (`Revision.labels`). Raises KeyError when it was
        discarded or is published already, ValueError when another document has taken the place.
        """
        ...

    def remove(self, document_id: DocumentId) -> Revision | None:
        """End the revision that holds, without a successor; returns it, None if there is none.

        Its history stays, and a file that comes back to this place goes on with it.
        """
        ...

    def move(self, document_id: DocumentId, root: str, source: str) -> None:
        """Give a document another place. Raises KeyError if it is unknown, ValueError if the place is taken."""
        ...

    def sweep(self, before: float) -> Sequence[Revision]:
        """Delete the revisions that were replaced before that time (UTC seconds since the epoch); returns them."""
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

    def unpublished(self, collection: str) -> Sequence[Revision]:
        """Prepared revisions that were never published (left by a crash), by id."""
        ...

    def current(self, collection: str | None = None) -> Sequence[Revision]:
        """The revisions that hold now, ordered by collection, source and root."""
        ...

    def current_of(self, collection: str, source: str, root: str = "") -> Revision | None:
        """The revision that holds now for one place."""
        ...

    def removed(self, collection: str | None = None) -> Sequence[Revision]:
        """The last revisions of the documents that were removed, ordered like `current`."""
        ...

    def history(self, document_id: DocumentId) -> Sequence[Revision]:
        """All published revisions of a document that are kept, oldest first."""
        ...

    def moves(self, document_id: DocumentId) -> Sequence[Move]:
        """Where a document stood before, in the order of time."""
        ...

    def revision(self, document_id: DocumentId, number: int) -> Revision | None:
        """A published revision by document and number, current or replaced."""
        ...

    def document(self, revision_id: str) -> Document:
        """The canonical document of a revision, current, replaced or prepared. Raises KeyError."""
        ...

    def passages(self, passage_ids: Sequence[str], scope: Scope = NOW) -> Mapping[str, StoredPassage]:
        """Passages by id; ids that are unknown or outside ``scope`` are left out."""
        ...

    def passages_within(self, collection: str, scope: Scope) -> Sequence[StoredPassage]:
        """All passages of a collection in ``scope``, by id."""
        ...

    def passages_of(self, revision_id: str) -> Sequence[StoredPassage]:
        """All passages of a revision in the order of the text."""
        ...

    def search(self, collection: str, question: str, k: int, scope: Scope = NOW) -> Sequence[LexicalHit]:
        """At most ``k`` passages in ``scope`` that share words with ``question``, best first, ties by id.

        Only what is in ``scope`` takes part, in the hits and in what their scores are made of.
        """
        ...

    def partitions(self, collection: str) -> Sequence[Labels]:
        """The sets of labels that its current documents have, sorted."""
        ...

    def generation(self) -> int:
        """A number that grows with every publication, removal and move.

        The same before and after a few reads means that they all saw one state of the catalog.
        """
        ...

    def collections(self, scope: Scope = EVERYTHING) -> Sequence[str]:
        """Names of collections that hold a current revision of a document that may be read, sorted."""
        ...
