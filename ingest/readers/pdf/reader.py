"""PDF documents with a text layer."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest import markdown_writer as md
from ingest.canonical import canonical_document
from ingest.document import Document
from ingest.reader import UnreadableFile
from ingest.readers.pdf.blocks import BlockBuilder, usual_leading
from ingest.readers.pdf.columns import Item, reading_order
from ingest.readers.pdf.faces import Faces
from ingest.readers.pdf.flow import Flow, vocabulary_of
from ingest.readers.pdf.furniture import surrounding_words
from ingest.readers.pdf.headings import OutlineEntry, find_headings
from ingest.readers.pdf.pages import Page, read_page
from ingest.readers.pdf.words import Line, body_size, lines_of
from ingest.readers.pdf.writing import PdfWriter
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

if TYPE_CHECKING:
    from pdfminer.pdfdocument import PDFDocument
    from pdfplumber.page import Page as PlumberPage
    from pdfplumber.pdf import PDF

_REPAIR = "open it in a PDF viewer and save or print it as PDF again"


@dataclass(frozen=True, slots=True)
class PdfReader:
    """Reads the text layer: order by columns, headings by outline and type, tables by rules; no running heads."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "pdf 1"
    suffixes: frozenset[str] = frozenset({".pdf"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign(b"%PDF-")
        if b"%PDF-" not in file.data[:1024]:
            raise file.unreadable("is not a PDF file by its content: rename it to what it is")
        if b"%%EOF" not in file.data[-2048:]:
            raise file.unreadable("is incomplete (its end is missing): get or save it again")
        try:
            pages, outline, title = self._parse(file)
        except UnreadableFile:
            raise
        except Exception as error:  # The parser fails in as many ways as files are damaged.
            raise file.unreadable(f"is damaged ({type(error).__name__}): {_REPAIR}") from error
        text = _markdown(pages, outline)
        return canonical_document(file, text, media_type="application/pdf", limits=self.limits, title=title)

    def _parse(self, file: SourceFile) -> tuple[list[Page], list[OutlineEntry], str]:
        import pdfplumber
        from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
        from pdfplumber.utils.exceptions import PdfminerException

        try:
            pdf = pdfplumber.open(io.BytesIO(file.data))
        except PdfminerException as error:
            cause = error.args[0] if error.args else error
            if isinstance(cause, (PDFPasswordIncorrect, PDFEncryptionError)):
                raise file.unreadable("is protected with a password: save a copy without one") from error
            raise file.unreadable(f"is damaged ({type(cause).__name__}): {_REPAIR}") from error
        with pdf:
            _check_structure(file, pdf)
            if len(pdf.pages) > self.limits.pages:
                raise file.unreadable(
                    f"has {len(pdf.pages):,} pages, {self.limits.pages:,} are allowed: split it or raise the limit"
                )
            pages = list(self._pages(file, pdf))
            _check_text(file, pages)
            return pages, list(_outline(pdf.doc)), str(pdf.metadata.get("Title") or "")

    def _pages(self, file: SourceFile, pdf: PDF) -> Iterator[Page]:
        characters, faces = 0, Faces()
        for number, page in enumerate(pdf.pages, 1):
            _check_content(file, page, number)
            read = read_page(page, number, faces)
            page.close()
            characters += read.characters
            if characters > self.limits.characters:
                raise file.unreadable(
                    f"holds more than {self.limits.characters:,} characters: split it or raise the limit"
                )
            yield read


def _check_structure(file: SourceFile, pdf: PDF) -> None:
    """A broken index is repaired by guessing, which may lose pages: refuse it, and a page tree with holes."""
    from pdfminer.pdfdocument import PDFXRefFallback
    from pdfminer.pdftypes import resolve1

    if any(isinstance(xref, PDFXRefFallback) for xref in pdf.doc.xrefs):
        raise file.unreadable(f"is damaged (its index of objects is broken): {_REPAIR}")
    declared = resolve1((resolve1(pdf.doc.catalog.get("Pages")) or {}).get("Count"))
    if not pdf.pages or (isinstance(declared, int) and declared != len(pdf.pages)):
        raise file.unreadable(f"is damaged (it has {len(pdf.pages)} of {declared} pages): {_REPAIR}")


def _check_content(file: SourceFile, page: PlumberPage, number: int) -> None:
    """The parser reads what it can of a broken stream; here it has to be whole."""
    for stream in page.page_obj.contents:
        from pdfminer.pdftypes import PDFStream, resolve1

        content = resolve1(stream)
        if not isinstance(content, PDFStream):
            raise file.unreadable(f"is damaged (page {number} has no content): {_REPAIR}")
        filters = content.get_filters()
        if not filters or str(getattr(filters[0][0], "name", filters[0][0])) not in {"FlateDecode", "Fl"}:
            continue
        unpacker = zlib.decompressobj()
        try:
            unpacker.decompress(content.get_rawdata() or b"")
            whole = unpacker.eof
        except zlib.error:
            whole = False
        if not whole:
            raise file.unreadable(f"is damaged (the content of page {number} is broken): {_REPAIR}")


def _check_text(file: SourceFile, pages: Sequence[Page]) -> None:
    characters = sum(page.characters for page in pages)
    scanned = sum(page.pictured and page.characters == 0 for page in pages)
    if not characters or scanned > 0.5 * len(pages):
        raise file.unreadable("has no text layer (it seems to be scanned): run text recognition (OCR) on it first")
    if sum(page.unmapped for page in pages) > 0.1 * characters:
        raise file.unreadable(
            "has fonts that do not say which characters they show: run text recognition (OCR) on it first"
        )


def _outline(document: PDFDocument) -> Iterator[OutlineEntry]:
    from pdfminer.pdfdocument import PDFNoOutlines

    try:
        for level, title, *_ in document.get_outlines():
            if title and title.strip():
                yield OutlineEntry(level, title)
    except PDFNoOutlines:
        return


def _markdown(pages: Sequence[Page], outline: Sequence[OutlineEntry]) -> str:
    """All pages as one text, in which each page begins with a mark."""
    body = body_size([line for page in pages for line in lines_of(page.words, page.number)])
    items: list[Item] = []
    for page, around in zip(pages, surrounding_words(pages, body), strict=True):
        words = [word for word in page.words if word not in around]
        items.extend(reading_order(words, page.grids, page.number))
    headings = find_headings(items, outline, body)
    blocks = BlockBuilder(headings, usual_leading(items)).build(items)
    writer = PdfWriter(Flow(vocabulary_of(item for item in items if isinstance(item, Line))))
    return md.join(writer.write(blocks))
