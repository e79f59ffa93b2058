"""Whether a PDF file is whole, and small enough to be unpacked.

The parser below is forgiving: it repairs a broken index by guessing, reads what it can of a broken page, and
unpacks whatever it is given. A document that lacks a page without anyone knowing is worse than none.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from ingest.source_file import Limits, SourceFile

if TYPE_CHECKING:
    from pdfplumber.page import Page
    from pdfplumber.pdf import PDF

REPAIR = "open it in a PDF viewer and save or print it as PDF again"
_STREAM = re.compile(rb"stream\r?\n")
_PACKED_TWICE = re.compile(rb"/Fl(?:ateDecode)?\s*/Fl(?:ateDecode)?\b")
_ENDING_BYTES = 2048


def check_file(file: SourceFile, limits: Limits) -> None:
    """Refuse, before anything is parsed, what is no PDF file, has no end, or would unpack to too much."""
    if b"%PDF-" not in file.data[:1024]:
        raise file.unreadable("is not a PDF file by its content: rename it to what it is")
    if b"%%EOF" not in file.data[-_ENDING_BYTES:]:
        raise file.unreadable("is incomplete (its end is missing): get or save it again")
    if _PACKED_TWICE.search(file.data):
        raise file.unreadable(f"is packed twice over, as attackers do: {REPAIR}")
    for found in _STREAM.finditer(file.data):
        if _unpacked_size(memoryview(file.data)[found.end() :], limits.unpacked_bytes) > limits.unpacked_bytes:
            allowed = limits.unpacked_bytes / 2**20
            raise file.unreadable(f"holds a part that unpacks to more than {allowed:,.0f} MB: {REPAIR}")


def check_structure(file: SourceFile, pdf: PDF, limits: Limits) -> None:
    """Refuse a file with a broken index, with pages missing, or with too many of them."""
    from pdfminer.pdfdocument import PDFXRefFallback
    from pdfminer.pdftypes import resolve1

    if any(isinstance(xref, PDFXRefFallback) for xref in pdf.doc.xrefs):
        raise file.unreadable(f"is damaged (its index of objects is broken): {REPAIR}")
    declared = resolve1((resolve1(pdf.doc.catalog.get("Pages")) or {}).get("Count"))
    if isinstance(declared, int) and declared > limits.pages:
        raise file.unreadable(f"has {declared:,} pages, {limits.pages:,} are allowed: split it or raise the limit")
    if not pdf.pages or (isinstance(declared, int) and declared != len(pdf.pages)):
        raise file.unreadable(f"is damaged (it has {len(pdf.pages)} of {declared} pages): {REPAIR}")


def check_page(file: SourceFile, page: Page, number: int) -> None:
    """Refuse a page of which the content cannot be unpacked to its end."""
    from pdfminer.pdftypes import PDFStream, resolve1

    for reference in page.page_obj.contents:
        content = resolve1(reference)
        if not isinstance(content, PDFStream):
            raise file.unreadable(f"is damaged (page {number} lacks its content): {REPAIR}")
        filters = [str(getattr(name, "name", name)) for name, _ in content.get_filters()]
        if filters[:1] in (["FlateDecode"], ["Fl"]) and not _unpacks(content.get_rawdata() or b""):
            raise file.unreadable(f"is damaged (the content of page {number} is broken): {REPAIR}")


def _unpacked_size(data: memoryview, limit: int) -> int:
    """Bytes that the data unpacks to, counted to just above ``limit``; 0 if it is not packed."""
    if len(data) < 2 or data[0] & 0x0F != 8 or (data[0] * 256 + data[1]) % 31:
        return 0  # No zlib header: another filter, or text.
    unpacker = zlib.decompressobj()
    size, at, step = 0, 0, 1 << 16
    try:
        while size <= limit and at < len(data) and not unpacker.eof:
            pending: bytes | memoryview = data[at : at + step]
            while len(pending) and size <= limit:
                size += len(unpacker.decompress(pending, 1 << 24))
                pending = unpacker.unconsumed_tail
            at += step
    except zlib.error:
        pass  # Damaged or encrypted; what came before counts.
    return size


def _unpacks(data: bytes) -> bool:
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(data)
    except zlib.error:
        return False
    return unpacker.eof
