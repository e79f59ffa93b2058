"""HTML pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ingest import markdown_writer as md
from ingest.canonical import canonical_document
from ingest.charset import decode
from ingest.document import Document
from ingest.readers.html.blocks import blocks_of
from ingest.readers.html.content import content
from ingest.readers.html.parsing import parse_page
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

_BREAKABLE = re.compile(r"(?<=[!-~])\u200b(?=[!-~])")
"""Where a long name may be broken: between Latin letters no end of a word, as it is in Thai and Khmer."""


@dataclass(frozen=True, slots=True)
class HtmlReader:
    """Headings, paragraphs, lists, tables and code of a page's main part."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "html 4"
    suffixes: frozenset[str] = frozenset({".html", ".htm", ".xhtml"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        root = parse_page(file, decode(file, declared=True), self.limits)
        title = root.findtext(".//title") or ""
        text = _BREAKABLE.sub("", md.join(blocks_of(content(root))))
        return canonical_document(file, text, media_type="text/html", limits=self.limits, title=title)
