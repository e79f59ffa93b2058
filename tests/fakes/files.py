"""A reader and a splitter for plain text, small enough to see through."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ingest.document import Document, PageMap, Passage, Span
from ingest.reader import UnreadableFile


class PlainReader:
    """The text of a file as it is; its first line is the title. A file that begins with "broken" is refused."""

    def __init__(self, version: str = "plain 1") -> None:
        self.version = version
        self.read_files: list[str] = []

    @property
    def suffixes(self) -> frozenset[str]:
        return frozenset({".txt", ".md"})

    def read(self, path: Path, source: str) -> Document:
        """``read_files`` names every file that was ever read."""
        self.read_files.append(source)
        data = path.read_bytes()
        text = data.decode("utf-8", "surrogatepass")
        if path.suffix not in self.suffixes:
            raise UnreadableFile(source, "is of no known format")
        if text.startswith("broken"):
            raise UnreadableFile(source, "is damaged")
        if text.startswith("crash"):
            raise RecursionError("too deep")
        title = text.split("\n", 1)[0]
        return Document(source, title, text, hashlib.sha256(data).hexdigest(), "text/plain", PageMap(), ())


class ParagraphSplitter:
    """Each paragraph is a passage."""

    def __init__(self, version: str = "paragraphs 1") -> None:
        self.version = version

    def split(self, document: Document) -> Sequence[Passage]:
        passages: list[Passage] = []
        start = 0
        for paragraph in document.text.split("\n\n"):
            if paragraph.strip():
                span = Span(start, start + len(paragraph))
                passages.append(Passage(len(passages), span, paragraph, (), None))
            start += len(paragraph) + 2
        return passages
