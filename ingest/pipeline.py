"""The main path of this package: from files to passages that can be found.

A document changes in one instant, when its new revision is published. Before that its vectors are already there,
and those of the old revision go afterwards; a crash anywhere leaves rubbish for the next run to sweep, never a hole.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Lock

from ingest.archives.entries import ArchiveLimits
from ingest.archives.room import emptied_room
from ingest.catalog import Catalog, PreparedRevision
from ingest.changes import Changes, Moved, changes
from ingest.content_hash import ContentHashes
from ingest.discovery import Discovery, Refusal, SourceFound, discover
from ingest.document import DocumentId, Passage, Revision
from ingest.embedder import Embedder
from ingest.embedding_ahead import EmbeddingAhead, Item
from ingest.embedding_store import EmbeddingStore, RememberingEmbedder
from ingest.labelling import LabelRules
from ingest.preparation import Failure, Preparation, Prepared, Preparer
from ingest.progress import Listener, Phase, Progress, Report, Tracker
from ingest.reader import Reader, UnreadableFile
from ingest.scope import Labels
from ingest.splitter import Splitter
from ingest.vector_sync import VectorSync
from ingest.vectors import VectorStore
from ingest.workers import WorkerLimits, Workers

__all__ = ["Phase", "Pipeline", "PipelineConfig", "Progress", "Refusal", "Removal", "Report"]

_log = logging.getLogger(__name__)

SHORTEST_HISTORY_S = 3600.0
"""Replaced revisions stay at least so long, whatever the configuration says: an answer may be citing one."""


class Removal(StrEnum):
    """What becomes of documents whose file is gone from its folder."""

    CAUTIOUS = "cautious"
    """They are removed, unless they are so many that it looks like a mistake; then all of them stay."""
    ALL = "all"
    NONE = "none"


class _Outcome(StrEnum):
    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """``history_s``: seconds for which a replaced or removed revision is kept. ``rules`` give files their labels.

    ``archives`` bounds what is unpacked, which is done in ``room``, a folder that is this pipeline's alone; left out,
    it is one of the system's for temporary files.
    """

    history_s: float = 365 * 86_400.0
    rules: LabelRules = field(default_factory=LabelRules)
    archives: ArchiveLimits = field(default_factory=ArchiveLimits)
    room: Path | None = None


@dataclass(slots=True)
class _Run:
    """What one ingest works on and has come to. ``known`` are the revisions before it, by place."""

    collection: str
    known: Mapping[str, Revision]
    hashes: ContentHashes
    tracker: Tracker
    failed: list[Refusal]
    labels: dict[str, Labels] = field(default_factory=dict)
    done: dict[_Outcome, list[str]] = field(default_factory=lambda: {outcome: [] for outcome in _Outcome})
    embedded: int = 0

    def is_new(self, file: SourceFound, prepared: Prepared) -> bool:
        """Whether a file's words are others than those that its place has now."""
        current = self.known.get(file.place)
        return current is None or current.content_hash != prepared.document.content_hash

    def fail(self, file: SourceFound, failure: Failure) -> None:
        """Name a file that can't be taken."""
        _log_trace(file, failure)
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
        store: EmbeddingStore | None = None,
        config: PipelineConfig | None = None,
    ) -> None:
        """With ``workers``, files are read and split in processes of their own, in this one otherwise.

        Vectors that ``store`` remembers are not computed again; left out, it is one in memory.
        """
        self._config = config or PipelineConfig()
        self._suffixes = readers.suffixes
        preparation = Preparation(readers, splitter, self._config.archives)
        self._recipe = preparation.recipe
        self._preparer: Preparer = preparation if workers is None else Workers(preparation, workers)
        self._catalog = catalog
        self._store = store or EmbeddingStore()
        self._embedder = RememberingEmbedder(embedder, self._store)
        self._sync = VectorSync(self._embedder, catalog, vectors)
        self._turn = Lock()

    def ingest(
        self,
        paths: Sequence[Path],
        collection: str,
        progress: Listener | None = None,
        removal: Removal = Removal.CAUTIOUS,
        root: str | None = None,
        base: Path | None = None,
    ) -> Report:
        """Make the collection equal to the folders and archives among ``paths`` and take the files among them.

        What is looked at, and what ``root`` and ``base`` are for, says `ingest.discovery.discover`; documents that came
        from elsewhere are left alone. A file that can't be read is reported, the rest goes on, and what was published
        of it before stays. Raises what makes going on useless: CatalogUnusable, VectorsUnusable, EmbedderUnusable, or
        whatever ``progress`` raises, which breaks it off; the next run then completes.
        """
        started = time.monotonic()
        with self._turn, emptied_room(self._config.room) as room:
            restored, restored_passages = self._sync.mend(collection, progress)
            finding = Tracker(Phase.FINDING, 0, 0, progress)
            found = discover(paths, self._suffixes, root, base, finding.begin)
            self._unpack(found, room, finding)
            hashes = ContentHashes(finding.working)
            todo = changes(found, self._catalog.current(collection), hashes.of)
            for move in todo.moved:
                self._catalog.move(move.revision.document_id, move.file.root, move.file.source)
            run = _Run(
                collection,
                todo.known,
                hashes,
                Tracker(Phase.INGESTING, len(todo.files), sum(file.size for file in todo.files), progress),
                list(found.failed),
            )
            ahead = EmbeddingAhead(self._embedder, run.is_new)
            with (
                closing(self._preparer.prepare_all(self._changed(todo, run), run.tracker.waiting)) as prepared,
                closing(ahead.through(prepared, run.tracker.waiting)) as embedded,
            ):
                for group in embedded:
                    self._take(group, run)
            run.embedded += ahead.embedded
            keep = removal is Removal.NONE or (removal is Removal.CAUTIOUS and todo.alarming)
            for revision in () if keep else todo.gone:
                self._remove(revision.document_id)
            if self._catalog.sweep(time.time() - max(self._config.history_s, SHORTEST_HISTORY_S)):
                self._sync.tidy(self._store)
        gone = tuple(revision.source for revision in todo.gone)
        moved = {move.file.source for move in todo.moved}
        return Report(
            added=tuple(run.done[_Outcome.ADDED]),
            updated=tuple(run.done[_Outcome.UPDATED]),
            unchanged=tuple(sorted(source for source in run.done[_Outcome.UNCHANGED] if source not in moved)),
            moved=tuple((move.revision.source, move.file.source) for move in todo.moved),
            removed=() if keep else gone,
            kept=gone if removal is Removal.NONE else (),
            withheld=gone if keep and removal is not Removal.NONE else (),
            failed=tuple(run.failed),
            skipped=tuple(found.skipped),
            restored=tuple(revision.source for revision in restored),
            passages=restored_passages + run.embedded,
            reused=run.tracker.passages - run.embedded,
            seconds=time.monotonic() - started,
        )

    def mend(self, collection: str, progress: Listener | None = None) -> Sequence[Revision]:
        """Make the vectors of a collection agree with its catalog; the revisions that lacked some.

        Every ingest begins with it, and so does a service.
        """
        with self._turn:
            return self._sync.mend(collection, progress)[0]

    def rebuild(self, collection: str, progress: Listener | None = None) -> int:
        """Make all vectors of a collection anew from the catalog; how many passages had to be embedded.

        What answers until then answers on, and is left as it is should this be broken off.
        """
        with self._turn:
            return self._sync.rebuild(collection, progress)

    def remove(self, document: DocumentId) -> Revision | None:
        """Take a document out; its history stays for as long as all history. The revision that ended."""
        with self._turn:
            return self._remove(document)

    def restore(self, document: DocumentId, number: int) -> Revision:
        """Publish what a revision said as the document's next one. Raises KeyError where there is no such revision.

        Raises ValueError when the document was removed and another one stands at its place now.
        """
        with self._turn:
            old = self._catalog.revision(document, number)
            if old is None:
                raise KeyError(f"{document}-{number}")
            passages = tuple(stored.passage for stored in self._catalog.passages_of(old.id))
            content = self._catalog.document(old.id)
            waiting = self._catalog.prepare(
                old.collection, content, passages, old.recipe, labels=old.labels, into=document
            )
            self._publish([(waiting, passages)], Tracker(Phase.INGESTING, 1, 0, None))
            return waiting.revision

    def _remove(self, document: DocumentId) -> Revision | None:
        ended = self._catalog.remove(document)
        if ended is not None:
            self._sync.forget(ended)
        return ended

    def _unpack(self, found: Discovery, room: Path, finding: Tracker) -> None:
        """Add to what was found the members of the archives among it."""
        archives = sorted(found.archives.values(), key=lambda archive: archive.place)
        with closing(self._preparer.unpack_all(archives, room, lambda _: finding.working())) as unpacked:
            for archive, contents in unpacked:
                finding.begin(archive.source)
                if isinstance(contents, Failure):
                    _log_trace(archive, contents)
                    found.fail(archive.source, archive.root, contents.reason)
                else:
                    found.enter(archive, contents)

    def _changed(self, todo: Changes, run: _Run) -> Iterator[SourceFound]:
        """The files that have to be read; the others are entered in the run."""
        renamed = {move.file.place for move in todo.moved if _names_its_document(move)}
        for file in todo.files:
            current = run.known.get(file.place)
            try:
                labels = run.labels[file.place] = self._config.rules.labels_of(file)
                same = current is not None and (current.content_hash, current.recipe, current.labels) == (
                    run.hashes.of(file),
                    self._recipe,
                    labels,
                )
            except UnreadableFile as error:
                run.fail(file, Failure(error.reason))
                continue
            if same and file.place not in renamed:
                run.tracker.begin(file.source, file.size)
                run.done[_Outcome.UNCHANGED].append(file.source)
            else:
                yield file

    def _take(self, group: Iterable[Item], run: _Run) -> None:
        """Publish what is new among files that were read together, and enter all of them in the run."""
        waiting: list[tuple[PreparedRevision, Sequence[Passage]]] = []
        taken: list[tuple[_Outcome, str]] = []
        for file, outcome in group:
            run.tracker.begin(file.source, file.size)
            if isinstance(outcome, Failure):
                run.fail(file, outcome)
                continue
            current, labels = run.known.get(file.place), run.labels[file.place]
            if current is not None and current.labels == labels and self._is(current, outcome):
                self._catalog.confirm(current.id, self._recipe)
                taken.append((_Outcome.UNCHANGED, file.source))
                continue
            prepared = self._catalog.prepare(
                run.collection,
                outcome.document,
                outcome.passages,
                self._recipe,
                root=file.root,
                labels=labels,
                into=None if current is None else current.document_id,
            )
            waiting.append((prepared, outcome.passages))
            taken.append((_Outcome.ADDED if current is None else _Outcome.UPDATED, file.source))
        run.embedded += self._publish(waiting, run.tracker)
        for what, source in taken:
            run.done[what].append(source)

    def _publish(self, waiting: Sequence[tuple[PreparedRevision, Sequence[Passage]]], tracker: Tracker) -> int:
        """The vectors of all first, then each one's flip and sweep; how many passages had to be embedded."""
        embedded = self._sync.write(
            [(prepared.revision, prepared.passage_ids, passages) for prepared, passages in waiting], tracker.embedded
        )
        for prepared, _ in waiting:
            replaced = self._catalog.publish(prepared)
            if replaced is not None:
                self._sync.forget(replaced)
        return embedded

    def _is(self, current: Revision, prepared: Prepared) -> bool:
        """Whether a new version of reader or splitter makes of the file what stands in the catalog already."""
        return (
            current.content_hash == prepared.document.content_hash
            and self._catalog.document(current.id) == prepared.document
            and tuple(stored.passage for stored in self._catalog.passages_of(current.id)) == prepared.passages
        )


def _names_its_document(move: Moved) -> bool:
    """Whether a document without a title of its own was called by the name that its file had."""
    before, after = Path(move.revision.source).stem, Path(move.file.source).stem
    return before != after and move.revision.title == before


def _log_trace(file: SourceFound, failure: Failure) -> None:
    """Where a library stumbled, its trace is worth a look."""
    if failure.trace:
        _log.error("%s %s\n%s", file.source, failure.reason, failure.trace)
