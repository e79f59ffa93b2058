"""The content of files as a hash, computed once for each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from ingest.discovery import SourceFound
from ingest.reader import UnreadableFile

_CHUNK = 4 * 1024 * 1024


class ContentHashes:
    """SHA-256 of files (hex), as their documents will have it, for the time of one ingest."""

    def __init__(self, working: Callable[[], None] = lambda: None) -> None:
        """``working`` is called before each part of a file is read; what it raises breaks off."""
        self._working = working
        self._known: dict[Path, str] = {}

    def of(self, file: SourceFound) -> str:
        """The hash of a file's bytes. Raises UnreadableFile."""
        known = self._known.get(file.path)
        if known is None:
            known = self._known[file.path] = self._computed(file)
        return known

    def _computed(self, file: SourceFound) -> str:
        digest = hashlib.sha256()
        try:
            with file.path.open("rb") as stream:
                self._working()
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    if len(chunk) == _CHUNK:
                        self._working()
        except OSError as error:
            raise UnreadableFile(file.source, f"cannot be opened: {error.strerror or error}") from error
        return digest.hexdigest()
