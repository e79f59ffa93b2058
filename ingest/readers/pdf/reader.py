"""PDF documents with a text layer."""

from __future__ import annotations

import io
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
from ingest.readers.pdf.furniture import inner_lines, surrounding_words
from ingest.readers.pdf.headings import OutlineEntry, find_headings
from ingest.readers.pdf.integrity import REPAIR, check_file, check_page, check_structure
from ingest.readers.pdf.pages import Page, read_page
from ingest.readers.pdf.words import Line, body_size
from ingest.readers.pdf.writing import PdfWriter
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile

if TYPE_CHECKING:
    from pdfminer.pdfdocument import PDFDocument
    from pdfplumber.pdf import PDF


@dataclass(frozen=True, slots=True)
class PdfReader:
    """Reads the text layer: order by columns, headings by outline and type, tables by rules; no running heads."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "pdf 3"
    suffixes: frozenset[str] = frozenset({".pdf"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign(b"%PDF-")
        check_file(file, self.limits)
        try:
            pages, outline, title = self._parse(file)
        except UnreadableFile:
            raise
        except Exception as error:  # The parser fails in as many ways as files are damaged.
            raise file.unreadable(f"is damaged ({type(error).__name__}): {REPAIR}") from error
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
            raise file.unreadable(f"is damaged ({type(cause).__name__}): {REPAIR}") from error
        with pdf:
            check_structure(file, pdf, self.limits)
            pages = list(self._pages(file, pdf))
            _check_text(file, pages)
            return pages, list(_outline(pdf.doc)), str(pdf.metadata.get("Title") or "")

    def _pages(self, file: SourceFile, pdf: PDF) -> Iterator[Page]:
        characters, faces = 0, Faces()
        for number, page in enumerate(pdf.pages, 1):
            check_page(file, page, number)
            read = read_page(page, number, faces)
            page.close()
            characters += read.characters
            if characters > self.limits.characters:
                raise file.unreadable(
                    f"holds more than {self.limits.characters:,} characters: split it or raise the limit"
                )
            yield read


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
    body = body_size([line for page in pages for line in inner_lines(page)])
    items: list[Item] = []
    for page, around in zip(pages, surrounding_words(pages, body), strict=True):
        words = [word for word in page.words if word not in around]
        items.extend(reading_order(words, page.grids, page.number))
    headings = find_headings(items, outline, body)
    blocks = BlockBuilder(headings, usual_leading(items)).build(items)
    writer = PdfWriter(Flow(vocabulary_of(item for item in items if isinstance(item, Line))))
    return md.join(writer.write(blocks))
