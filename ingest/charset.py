"""Bytes to characters, for formats that do not say how they are encoded."""

from __future__ import annotations

import codecs
import re

from ingest.source_file import SourceFile

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""<(?:meta[^>]+charset|\?xml[^>]+encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_DECLARATION_BYTES = 4096


def decode(file: SourceFile, *, declared: bool = False) -> str:
    """The text of a file: by its byte order mark, as UTF-8, or else by the encoding that it most looks like.

    With ``declared``, an encoding that the file names itself (HTML, XML) is tried first. Raises `UnreadableFile`
    for binary data and for text in no encoding that can be told.
    """
    for mark, encoding in _MARKS:
        if file.data.startswith(mark):
            return _strictly(file, encoding)
    if declared and (found := _DECLARED.search(file.data[:_DECLARATION_BYTES])):
        try:
            return file.data.decode(found[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass  # The declaration is wrong, as it often is after a conversion: look at the bytes.
    if b"\x00" in file.data:
        return _strictly(file, _wide_encoding(file))
    try:
        return file.data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(file)


def _strictly(file: SourceFile, encoding: str) -> str:
    try:
        return file.data.decode(encoding)
    except UnicodeDecodeError as error:
        raise file.unreadable(
            f"is damaged: it says that it is {encoding} but byte {error.start} is not; save it again as UTF-8"
        ) from error


def _wide_encoding(file: SourceFile) -> str:
    """UTF-16 without a mark shows zero bytes at even or at odd places; anything else with zeros is no text."""
    even, odd = file.data[::2].count(0), file.data[1::2].count(0)
    half = len(file.data) / 2
    if odd > 0.3 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.3 * half and odd < 0.05 * half:
        return "utf-16-be"
    raise file.unreadable("holds binary data, not text: remove it or convert it to a supported format")


def _guessed(file: SourceFile) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(file.data).best()
    if best is None:
        raise file.unreadable("is in no encoding that can be told: save it as UTF-8")
    return str(best)
