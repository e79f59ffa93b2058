"""The main path of this package: from files to passages that can be found.

A document changes in one instant, when its new revision is published. Before that its vectors are already there,
and those of the old revision go afterwards; a crash anywhere leaves rubbish for the next run to sweep, never a hole.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Lock

from ingest.catalog import Catalog
from ingest.discovery import Refusal, SourceFound, discover
from ingest.document import Document, Passage, Revision
from ingest.embedder import Embedder
from ingest.preparation import Failure, Preparation, Prepared, Preparer
from ingest.progress import Listener, Phase, Progress, Report, Tracker
from ingest.reader import Reader, UnreadableFile
from ingest.splitter import Splitter
from ingest.vector_sync import VectorSync
from ingest.vectors import VectorStore
from ingest.workers import WorkerLimits, Workers

__all__ = ["Phase", "Pipeline", "Progress", "Refusal", "Report"]

_log = logging.getLogger(__name__)


class _Outcome(StrEnum):
    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(slots=True)
class _Run:
    """What one ingest works on and has come to. ``current`` are the revisions before it, by source."""

    collection: str
    current: Mapping[str, Revision]
    tracker: Tracker
    failed: list[Refusal]
    done: dict[_Outcome, list[str]] = field(default_factory=lambda: {outcome: [] for outcome in _Outcome})

    def fail(self, file: SourceFound, failure: Failure) -> None:
        """Name a file that can't be taken."""
        if failure.trace:
            _log.error("%s %s\n%s", file.source, failure.reason, failure.trace)
        self.failed.append(Refusal(file.source, failure.reason))


class Pipeline:
    """Brings files into collections. One run at a time; others wait for it."""

    def __init__(
        self,
        readers: Reader,
        splitter: Splitter,
        embedder: Embedder,
        catalog: Catalog,
        vectors: VectorStore,
        workers: WorkerLimits | None = None,
    ) -> None:
        """With ``workers``, files are read and split in processes of their own, in this one otherwise."""
        self._suffixes = readers.suffixes
        preparation = Preparation(readers, splitter)
        self._recipe = preparation.recipe
        self._preparer: Preparer = preparation if workers is None else Workers(preparation, workers)
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
            found = discover(paths, self._suffixes)
            files = [found.files[source] for source in sorted(found.files)]
            run = _Run(
                collection,
                {revision.source: revision for revision in self._catalog.current(collection)},
                Tracker(Phase.INGESTING, len(files), sum(file.size for file in files), progress),
                list(found.failed),
            )
            with closing(self._preparer.prepare_all(self._changed(files, run))) as prepared:
                for file, outcome in prepared:
                    run.tracker.begin(file.source, file.size)
                    if isinstance(outcome, Failure):
                        run.fail(file, outcome)
                    else:
                        run.done[self._take(file, outcome, run)].append(file.source)
        return Report(
            added=tuple(run.done[_Outcome.ADDED]),
            updated=tuple(run.done[_Outcome.UPDATED]),
            unchanged=tuple(sorted(run.done[_Outcome.UNCHANGED])),
            failed=tuple(run.failed),
            skipped=tuple(found.skipped),
            restored=tuple(revision.source for revision in restored),
            passages=restored_passages + run.tracker.passages,
            seconds=time.monotonic() - started,
        )

    def mend(self, collection: str, progress: Listener | None = None) -> Sequence[Revision]:
        """Make the vectors of a collection agree with its catalog; the revisions that lacked some.

        Every ingest begins with it. A service calls it before it answers from vectors that another embedder, or no
        one, has made.
        """
        with self._turn:
            return self._sync.mend(collection, progress)[0]

    def _changed(self, files: Iterable[SourceFound], run: _Run) -> Iterator[SourceFound]:
        """The files that have to be read; the others are entered in the run."""
        for file in files:
            current = run.current.get(file.source)
            try:
                same = current is not None and (current.content_hash, current.recipe) == (_hash_of(file), self._recipe)
            except UnreadableFile as error:
                run.fail(file, Failure(error.reason))
                continue
            if same:
                run.tracker.begin(file.source, file.size)
                run.done[_Outcome.UNCHANGED].append(file.source)
            else:
                yield file

    def _take(self, file: SourceFound, prepared: Prepared, run: _Run) -> _Outcome:
        current = run.current.get(file.source)
        if current is not None and self._is(current, prepared):
            self._catalog.confirm(current.id, self._recipe)
            return _Outcome.UNCHANGED
        self._publish(run.collection, prepared.document, prepared.passages, run.tracker)
        return _Outcome.ADDED if current is None else _Outcome.UPDATED

    def _publish(self, collection: str, document: Document, passages: Sequence[Passage], tracker: Tracker) -> None:
        prepared = self._catalog.prepare(collection, document, passages, self._recipe)
        self._sync.write(prepared.revision, prepared.passage_ids, passages, tracker.embedded)
        replaced = self._catalog.publish(prepared)
        if replaced is not None:
            self._vectors.delete_revision(collection, replaced.id)

    def _is(self, current: Revision, prepared: Prepared) -> bool:
        """Whether a new version of reader or splitter makes of the file what stands in the catalog already."""
        return (
            current.content_hash == prepared.document.content_hash
            and self._catalog.document(current.id) == prepared.document
            and tuple(stored.passage for stored in self._catalog.passages_of(current.id)) == prepared.passages
        )


def _hash_of(file: SourceFound) -> str:
    """SHA-256 of the file's bytes (hex), as its document will have it."""
    try:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(file.source, f"cannot be opened: {error.strerror or error}") from error
