"""AsciiDoc files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.readers.asciidoc.blocks import BlockReader
from ingest.readers.asciidoc.tables import Excess
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

_AUTHOR = re.compile(r"[^\n:|*=]*<[^<>\s]+@[^<>\s]+>[^\n]*\n(?:v?\d[^\n]*\n)?")
_TITLE = re.compile(r"\A(?:\s*(?://[^\n]*|:[^\n]*:[^\n]*)?\n)*= [^\n]+\n")


@dataclass(frozen=True, slots=True)
class AsciiDocReader:
    """Headings, lists, listings, tables, notes and links; opens no other file and runs no macro."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "asciidoc 2"
    suffixes: frozenset[str] = frozenset({".adoc", ".asciidoc"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        text = normalise(decode(file))
        if title := _TITLE.match(text):  # Below the title stand its authors, who are not part of the text.
            author = _AUTHOR.match(text, title.end())
            text = text[: title.end()] + text[author.end() :] if author else text
        try:
            markdown = md.join(BlockReader(self.limits.nesting).blocks(text.split("\n")))
        except Excess as error:
            raise file.unreadable(str(error)) from error
        return canonical_document(file, markdown, media_type="text/asciidoc", limits=self.limits)
