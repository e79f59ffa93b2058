"""The main path of this package: from files to passages that can be found.

A document changes in one instant, when its new revision is published. Before that its vectors are already there,
and those of the old revision go afterwards; a crash anywhere leaves rubbish for the next run to sweep, never a hole.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from threading import Lock

from ingest.catalog import Catalog
from ingest.discovery import Refusal, SourceFound, discover
from ingest.document import Document, Passage, Revision
from ingest.embedder import Embedder
from ingest.progress import Listener, Phase, Progress, Report, Tracker
from ingest.reader import Reader, UnreadableFile
from ingest.splitter import Splitter
from ingest.vector_sync import VectorSync
from ingest.vectors import VectorStore

__all__ = ["Phase", "Pipeline", "Progress", "Refusal", "Report"]

_log = logging.getLogger(__name__)


class _Outcome(StrEnum):
    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Pipeline:
    """Brings files into collections. One run at a time; others wait for it."""

    def __init__(
        self, readers: Reader, splitter: Splitter, embedder: Embedder, catalog: Catalog, vectors: VectorStore
    ) -> None:
        self._readers = readers
        self._splitter = splitter
        self._catalog = catalog
        self._vectors = vectors
        self._sync = VectorSync(embedder, catalog, vectors)
        self._turn = Lock()

    def ingest(self, paths: Sequence[Path], collection: str, progress: Listener | None = None) -> Report:
        """Add and update what ``paths`` hold; see `ingest.discovery.discover` for what is looked at.

        A file that can't be read is reported, the rest goes on, and what was published of it before stays. Raises
        what makes going on useless: CatalogUnusable, VectorsUnusable, EmbedderUnusable; the next run then completes.
        """
        started = time.monotonic()
        with self._turn:
            restored, restored_passages = self._sync.mend(collection, progress)
            found = discover(paths, self._readers.suffixes)
            files = [found.files[source] for source in sorted(found.files)]
            current = {revision.source: revision for revision in self._catalog.current(collection)}
            tracker = Tracker(Phase.INGESTING, len(files), sum(file.size for file in files), progress)
            done: dict[_Outcome, list[str]] = {outcome: [] for outcome in _Outcome}
            failed = list(found.failed)
            for file in files:
                tracker.begin(file.source, file.size)
                try:
                    outcome = self._ingest_file(file, collection, current.get(file.source), tracker)
                except UnreadableFile as error:
                    failed.append(Refusal(file.source, error.reason))
                else:
                    done[outcome].append(file.source)
        return Report(
            added=tuple(done[_Outcome.ADDED]),
            updated=tuple(done[_Outcome.UPDATED]),
            unchanged=tuple(done[_Outcome.UNCHANGED]),
            failed=tuple(failed),
            skipped=tuple(found.skipped),
            restored=tuple(revision.source for revision in restored),
            passages=restored_passages + tracker.passages,
            seconds=time.monotonic() - started,
        )

    def mend(self, collection: str, progress: Listener | None = None) -> Sequence[Revision]:
        """Make the vectors of a collection agree with its catalog; the revisions that lacked some.

        Every ingest begins with it. A service calls it before it answers from vectors that another embedder, or no
        one, has made.
        """
        with self._turn:
            return self._sync.mend(collection, progress)[0]

    def _ingest_file(self, file: SourceFound, collection: str, current: Revision | None, tracker: Tracker) -> _Outcome:
        if current is not None and (current.content_hash, current.recipe) == (_hash_of(file), self._recipe):
            return _Outcome.UNCHANGED
        document = self._read(file)
        passages = self._split(document)
        if current is not None and self._is(current, document, passages):
            self._catalog.confirm(current.id, self._recipe)
            return _Outcome.UNCHANGED
        self._publish(collection, document, passages, tracker)
        return _Outcome.ADDED if current is None else _Outcome.UPDATED

    def _publish(self, collection: str, document: Document, passages: Sequence[Passage], tracker: Tracker) -> None:
        prepared = self._catalog.prepare(collection, document, passages, self._recipe)
        self._sync.write(prepared.revision, prepared.passage_ids, passages, tracker.embedded)
        replaced = self._catalog.publish(prepared)
        if replaced is not None:
            self._vectors.delete_revision(collection, replaced.id)

    @property
    def _recipe(self) -> str:
        """What besides the file decides its passages."""
        return f"{self._readers.version}; {self._splitter.version}"

    def _read(self, file: SourceFound) -> Document:
        try:
            document = self._readers.read(file.path, file.source)
            _refuse_half_characters(document)
        except UnreadableFile:
            raise
        except Exception as error:  # a library stumbles over a hostile or damaged file: the others must go on
            _log.exception("reading %s failed", file.source)
            raise UnreadableFile(file.source, f"could not be read ({type(error).__name__}: {error})") from error
        return document

    def _split(self, document: Document) -> Sequence[Passage]:
        try:
            passages = self._splitter.split(document)
        except Exception as error:
            _log.exception("splitting %s failed", document.source)
            raise UnreadableFile(document.source, f"could not be split ({type(error).__name__}: {error})") from error
        if not passages:
            raise UnreadableFile(document.source, "holds no text")
        return passages

    def _is(self, current: Revision, document: Document, passages: Sequence[Passage]) -> bool:
        """Whether a new version of reader or splitter makes of the file what stands in the catalog already."""
        return (
            current.content_hash == document.content_hash
            and self._catalog.document(current.id) == document
            and [stored.passage for stored in self._catalog.passages_of(current.id)] == list(passages)
        )


def _hash_of(file: SourceFound) -> str:
    """SHA-256 of the file's bytes (hex), as its document will have it."""
    try:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(file.source, f"cannot be opened: {error.strerror or error}") from error


def _refuse_half_characters(document: Document) -> None:
    """Raise ValueError for text that no database and no browser can hold (single surrogates)."""
    for text in (document.title, document.text):
        text.encode()
