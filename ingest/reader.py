"""The seam through which files become documents."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ingest.document import Document


class UnreadableFile(Exception):
    """A file that cannot become a document: ``reason`` says why and what to do, in a person's words."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


class Reader(Protocol):
    """Turns the bytes of one format into a `Document`.

    Law: the same bytes give the same document; a damaged file raises `UnreadableFile`, never a part of it.
    """

    @property
    def version(self) -> str:
        """Changes whenever the same bytes may give another document; a file read before is then read again."""
        ...

    @property
    def suffixes(self) -> frozenset[str]:
        """Lower-case file name endings, with the dot, that this reader takes."""
        ...

    def read(self, path: Path, source: str) -> Document:
        """Read the file at ``path``, which the rest of the product knows as ``source``."""
        ...
