"""The files that revisions were read from, as long as they are still where they were."""

from __future__ import annotations

import hashlib
from pathlib import Path

from api.ingest_sources import UPLOADS
from api.settings import Settings
from ingest.document import Revision

INLINE = {"application/pdf": "application/pdf", "text/plain": "text/plain", "text/markdown": "text/plain"}
"""Media types that a browser may show, and as what; all others are saved."""


def place_of(revision: Revision, settings: Settings) -> Path | None:
    """Where the file lies; None where there is none now."""
    uploaded = revision.root == UPLOADS
    root = settings.uploads_dir / revision.collection if uploaded else Path(revision.root)
    if not root.is_absolute() and not uploaded:
        return None
    try:
        place = (root / revision.source).resolve()
        found = place.is_relative_to(root.resolve()) and place.is_file()
    except (OSError, RuntimeError, ValueError):
        return None
    return place if found else None


def read_original(revision: Revision, settings: Settings) -> bytes | None:
    """The very bytes from which the revision was read; None if they are gone or have changed since."""
    place = place_of(revision, settings)
    if place is None:
        return None
    try:
        with place.open("rb") as file:
            content = file.read(settings.max_file_bytes + 1)
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == revision.content_hash else None
