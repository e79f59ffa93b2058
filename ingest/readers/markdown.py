"""Markdown files: the text is canonical already."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?\n)??\1[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"""^title\s*[:=]\s*(["']?)(.+?)\1\s*$""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MarkdownReader:
    """Keeps the text as it is, but for line endings, invisible characters and front matter."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "markdown 2"
    suffixes: frozenset[str] = frozenset({".md", ".markdown"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        text = normalise(decode(file))
        title = ""
        if front := _FRONT_MATTER.match(text):
            named = _FRONT_TITLE.search(front[2] or "")
            title = named[2] if named else ""
            text = text[front.end() :]
        return canonical_document(file, text, media_type="text/markdown", limits=self.limits, title=title)
