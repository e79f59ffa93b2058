"""What has to be done so that a collection equals the folders: the files found against the documents known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from ingest.discovery import Discovery, SourceFound, place_of
from ingest.document import Revision
from ingest.reader import UnreadableFile

HANDFUL = 5
"""So many documents may go at once without a question, however few there are."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A document whose file stands elsewhere now; the revision says where it stood."""

    file: SourceFound
    revision: Revision


@dataclass(slots=True)
class Changes:
    """``files`` in the order of their places, under the names by which their documents are known.

    ``known`` are the current revisions of their documents, by place; ``gone`` those of documents whose file is no
    longer below any of the folders; ``known_below`` the number of documents that came from these folders.
    """

    files: list[SourceFound] = field(default_factory=list)
    known: dict[str, Revision] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    gone: list[Revision] = field(default_factory=list)
    known_below: int = 0

    @property
    def alarming(self) -> bool:
        """Whether so much is gone that it is rather a mistake: a share that is not there, a folder that was emptied."""
        return len(self.gone) > max(HANDFUL, self.known_below / 2)


def changes(found: Discovery, current: Sequence[Revision], hash_of: Callable[[SourceFound], str]) -> Changes:
    """Compare what was found with the current revisions of the collection.

    ``hash_of`` gives the content hash of a file, or raises UnreadableFile; it is asked only for new files, and only
    while there are documents that may have moved there. A document that stands elsewhere (another folder, another
    disk) counts as moved if its file is no longer there.
    """
    by_place = {place_of(revision.root, revision.source): revision for revision in current}
    roots = sorted({revision.root for revision in current if revision.root}, key=len, reverse=True)
    below = [revision for place, revision in by_place.items() if _is_below(place, found.folders)]
    gone = {
        revision.id: revision
        for revision in below
        if (place := place_of(revision.root, revision.source)) not in found.files and not _is_below(place, found.unsure)
    }
    movable: dict[str, list[Revision]] = defaultdict(list)
    if found.files.keys() - by_place.keys():  # Only new files can be moved ones.
        ours = {revision.id for revision in below}
        elsewhere = (revision for revision in current if revision.id not in ours and _has_vanished(revision))
        for revision in [*gone.values(), *elsewhere]:
            movable[revision.content_hash].append(revision)

    result = Changes(known_below=len(below))
    for place, file in sorted(found.files.items()):
        if place in by_place:
            revision = by_place[place]
            result.files.append(replace(file, root=revision.root, source=revision.source))
            result.known[place] = revision
            continue
        named = _below_known_root(file, roots)
        result.files.append(named)
        if movable and (was := _moved_to(named, movable, hash_of)):
            gone.pop(was.id, None)
            result.moved.append(Moved(named, was))
            result.known[place] = replace(was, root=named.root, source=named.source)
    result.gone = sorted(gone.values(), key=lambda revision: (revision.source, revision.root))
    return result


def _moved_to(
    file: SourceFound, movable: dict[str, list[Revision]], hash_of: Callable[[SourceFound], str]
) -> Revision | None:
    """The document that this file continues: the same content, if possible under the same name."""
    try:
        candidates = movable.get(hash_of(file))
    except UnreadableFile:
        return None  # Whoever reads it says so.
    if not candidates:
        return None
    name = PurePosixPath(file.source).name
    chosen = next((r for r in candidates if PurePosixPath(r.source).name == name), candidates[0])
    candidates.remove(chosen)
    return chosen


def _below_known_root(file: SourceFound, roots: Iterable[str]) -> SourceFound:
    """A new file under the name that it has below the innermost known root, so that its neighbours are named alike."""
    place = file.place
    for root in roots:
        if len(root) > len(file.root) and _is_below(place, [root]):
            return replace(file, root=root, source=place[len(root.rstrip("/")) + 1 :])
    outer = next((root for root in roots if _is_below(f"{file.root}/", [root])), file.root)
    return replace(file, root=outer, source=place[len(outer.rstrip("/")) + 1 :])


def _is_below(place: str, folders: Iterable[str]) -> bool:
    return any(place == folder or place.startswith(f"{folder.rstrip('/').removesuffix('/.')}/") for folder in folders)


def _has_vanished(revision: Revision) -> bool:
    """Whether a document came from this machine's disks and neither its file is there nor the archive that held it."""
    if not revision.root.startswith("/"):
        return False
    path = Path(revision.root, revision.source)
    return not path.exists() and not any(outer.is_file() for outer in path.parents)
