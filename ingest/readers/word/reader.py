"""Word documents (.docx)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.document import Document
from ingest.readers.word.body import Body
from ingest.readers.word.names import w
from ingest.readers.word.numbering import Numbering
from ingest.readers.word.styles import Styles
from ingest.readers.word.text import TextReader
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile
from ingest.zip_package import PackageKind

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_KIND = PackageKind("a Word document", ".docx", "word/document.xml", "Word", "an old Word file (.doc)")


@dataclass(frozen=True, slots=True)
class DocxReader:
    """Headings by style or outline level, lists with Word's numbers, tables, code, notes; no running heads."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "docx 3"
    suffixes: frozenset[str] = frozenset({".docx"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        _KIND.check(file, self.limits)
        try:
            body, title = _open(file.data)
            text = md.join(body.blocks())
        except Exception as error:  # The parsers below fail in as many ways as files are damaged.
            raise _KIND.damaged(file, error) from error
        return canonical_document(file, normalise(text), media_type=MEDIA_TYPE, limits=self.limits, title=title)


def _open(data: bytes) -> tuple[Body, str]:
    from docx import Document as open_document
    from docx.oxml.parser import parse_xml

    document = open_document(io.BytesIO(data))
    part: Any = document.part
    notes: dict[str, Any] = {}
    numbering: Any = None
    for relation in part.rels.values():
        kind = relation.reltype.rsplit("/", 1)[-1]
        if kind == "numbering":
            numbering = relation.target_part.element
        elif kind in {"footnotes", "endnotes"}:
            for note in parse_xml(relation.target_part.blob).iter(w(kind.removesuffix("s"))):
                notes[kind.removesuffix("s") + note.get(w("id"), "")] = note
    targets = {key: relation.target_ref for key, relation in part.rels.items() if relation.is_external}
    styles = Styles(document.styles.element)
    text = TextReader(styles, targets)
    body = Body(part.element.body, styles, Numbering(numbering, styles), text, notes)
    return body, document.core_properties.title or ""
