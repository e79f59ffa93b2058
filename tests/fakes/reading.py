"""The simplest reader and splitter that keep their laws."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ingest.canonical import canonical_document, normalise
from ingest.document import Document, Passage, Span
from ingest.source_file import DEFAULT_LIMITS, SourceFile


class PlainReader:
    """Takes UTF-8 text as it is."""

    version = "plain 1"
    suffixes = frozenset({".plain"})

    def read(self, path: Path, source: str) -> Document:
        file = SourceFile.load(path, source, DEFAULT_LIMITS)
        try:
            text = normalise(file.data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise file.unreadable("is not UTF-8") from error
        return canonical_document(file, text, media_type="text/plain", limits=DEFAULT_LIMITS)


class ParagraphSplitter:
    """One passage for each paragraph."""

    version = "paragraphs 1"

    def split(self, document: Document) -> Sequence[Passage]:
        passages: list[Passage] = []
        for found in re.finditer(r"\S(?:.*?\S)??(?=\s*\n\s*\n|\s*\Z)", document.text, re.DOTALL):
            span = Span(found.start(), found.end())
            first, last = document.pages.page_at(span.start), document.pages.page_at(span.end - 1)
            pages = None if first is None or last is None else (first, last)
            path = document.section_path_at(span.start)
            passages.append(Passage(len(passages), span, found[0], path, pages))
        return passages
