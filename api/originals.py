"""The files that revisions were read from, as long as they are still where they were."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from api.ingest_sources import UPLOADS
from api.settings import Settings
from ingest.archives.entries import is_archive
from ingest.archives.unpacking import read_member
from ingest.document import Revision
from ingest.reader import UnreadableFile

INLINE = {"application/pdf": "application/pdf", "text/plain": "text/plain", "text/markdown": "text/plain"}
"""Media types that a browser may show, and as what; all others are saved."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an original lies: a file, or the ``member`` of this name in an archive."""

    path: Path
    member: str = ""


def place_of(revision: Revision, settings: Settings) -> Place | None:
    """Where the original lies; None where there is none now. Archives are not looked into."""
    root = _root_of(revision, settings)
    if not root.is_absolute() and revision.root != UPLOADS:
        return None
    if file := _file_below(root, revision.source):
        return Place(file)
    for outer in PurePosixPath(revision.source).parents:
        if is_archive(outer.name) and (archive := _file_below(root, str(outer))):
            return Place(archive, revision.source[len(str(outer)) + 1 :])
    return None


def path_of(revision: Revision, settings: Settings) -> Path:
    """Where the file lies or lay."""
    return _root_of(revision, settings) / revision.source


def _root_of(revision: Revision, settings: Settings) -> Path:
    return settings.uploads_dir / revision.collection if revision.root == UPLOADS else Path(revision.root)


def read_original(revision: Revision, settings: Settings) -> bytes | None:
    """The very bytes from which the revision was read; None if they are gone or have changed since."""
    place = place_of(revision, settings)
    if place is None:
        return None
    try:
        content = _bytes_at(place, settings)
    except (OSError, UnreadableFile):
        return None
    return content if content is not None and hashlib.sha256(content).hexdigest() == revision.content_hash else None


def _file_below(root: Path, source: str) -> Path | None:
    try:
        place = (root / source).resolve()
        found = place.is_relative_to(root.resolve()) and place.is_file()
    except (OSError, RuntimeError, ValueError):
        return None
    return place if found else None


def _bytes_at(place: Place, settings: Settings) -> bytes | None:
    if place.member:
        return read_member(place.path, place.path.name, place.member, settings.archive_limits)
    with place.path.open("rb") as file:
        return file.read(settings.max_file_bytes + 1)
