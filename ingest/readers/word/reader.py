"""Word documents (.docx)."""

from __future__ import annotations

import io
import zipfile
import zlib
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

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class DocxReader:
    """Headings by style or outline level, lists with Word's numbers, tables, code, notes; no running heads."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "docx 2"
    suffixes: frozenset[str] = frozenset({".docx"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign(_ZIP, _OLE)
        self._check_archive(file)
        try:
            body, title = _open(file.data)
            text = md.join(body.blocks())
        except Exception as error:  # The parsers below fail in as many ways as files are damaged.
            raise file.unreadable(
                f"is damaged and cannot be read as a Word document ({type(error).__name__}): "
                "open it in Word, repair it and save it again"
            ) from error
        return canonical_document(file, normalise(text), media_type=MEDIA_TYPE, limits=self.limits, title=title)

    def _check_archive(self, file: SourceFile) -> None:
        """Refuse what is encrypted, not a Word document, damaged or too large, before anything is parsed."""
        if file.data.startswith(_OLE):
            if "EncryptedPackage".encode("utf-16-le") in file.data:
                raise file.unreadable("is protected with a password: save a copy without one")
            raise file.unreadable("is an old Word file (.doc) by its content: save it as .docx")
        try:
            with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
                self._check_members(file, archive)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            raise file.unreadable("is damaged or incomplete: get or save it again") from error

    def _check_members(self, file: SourceFile, archive: zipfile.ZipFile) -> None:
        members = archive.infolist()
        if any(member.flag_bits & 0x1 for member in members):
            raise file.unreadable("is an encrypted archive: save a copy without a password")
        # A member yields no more than the size that it declares, so the sum bounds what is unpacked.
        if sum(member.file_size for member in members) > self.limits.unpacked_bytes:
            allowed = self.limits.unpacked_bytes / 2**20
            raise file.unreadable(f"unpacks to more than {allowed:,.0f} MB: split it or make its pictures smaller")
        if "word/document.xml" not in archive.namelist():
            raise file.unreadable("is a zip archive but not a Word document: rename or convert it")
        if archive.testzip() is not None:
            raise file.unreadable("is damaged in one of its parts: get or save it again")
        if b"<!DOCTYPE" in archive.read("word/document.xml"):
            raise file.unreadable("declares XML entities, which Word never writes: open it in Word and save it again")


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
