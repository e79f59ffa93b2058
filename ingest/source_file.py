"""The bytes of a file, read once, within limits, and what their beginning says they are."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ingest.reader import UnreadableFile


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader takes before it refuses a file, so that no file can exhaust the machine."""

    file_bytes: int = 50 * 1024 * 1024
    unpacked_bytes: int = 400 * 1024 * 1024
    pages: int = 5_000
    characters: int = 20_000_000
    nesting: int = 150


DEFAULT_LIMITS = Limits()


# First bytes, the name of the format in a person's words, and the ending that such a file should have.
_SIGNATURES = (
    (b"%PDF-", "a PDF file", ".pdf"),
    (b"PK\x03\x04", "a zip archive or a new Office file", ""),
    (b"PK\x05\x06", "an empty zip archive", ""),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or an encrypted Office file", ""),
    (b"\x1f\x8b", "a gzip archive", ""),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", ""),
    (b"Rar!\x1a\x07", "a RAR archive", ""),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", ""),
    (b"\xff\xd8\xff", "a JPEG picture", ""),
    (b"GIF8", "a GIF picture", ""),
    (b"II*\x00", "a TIFF picture", ""),
    (b"\x7fELF", "a program", ""),
    (b"MZ\x90", "a program", ""),
    (b"{\\rtf", "a rich text (RTF) file", ""),
)

# Names that stand in the archive of such a file, and the ending that it should have.
_PACKAGES = (
    (b"word/document.xml", ".docx"),
    (b"xl/workbook.xml", ".xlsx"),
    (b"ppt/presentation.xml", ".pptx"),
    (b"mimetypeapplication/epub+zip", ".epub"),
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file in memory: ``source`` as the product names it, ``content_hash`` the SHA-256 of ``data`` (hex)."""

    source: str
    data: bytes = field(repr=False)
    content_hash: str

    @classmethod
    def load(cls, path: Path, source: str, limits: Limits) -> SourceFile:
        """Read a file whole. Raises `UnreadableFile` when it is missing, empty, too large or no ordinary file."""
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # Before it is opened: a pipe would wait for a writer.
                raise UnreadableFile(source, "is not an ordinary file: take it out of the folder")
            with path.open("rb") as stream:
                data = stream.read(limits.file_bytes + 1)
        except OSError as error:
            raise UnreadableFile(source, f"cannot be opened: {error.strerror or error}") from error
        if len(data) > limits.file_bytes:
            size = path.stat().st_size / 2**20
            allowed = limits.file_bytes / 2**20
            raise UnreadableFile(
                source, f"is too large ({size:,.1f} MB, {allowed:,.1f} MB are allowed): split it or raise the limit"
            )
        if not data.strip():
            raise UnreadableFile(source, "is empty: put text into it or take it out of the folder")
        return cls(source, data, hashlib.sha256(data).hexdigest())

    def unreadable(self, reason: str) -> UnreadableFile:
        """The error for this file, ready to be raised."""
        return UnreadableFile(self.source, reason)

    def refuse_foreign(self, *own: bytes) -> None:
        """Raise `UnreadableFile` if the file begins like another format than those that begin with ``own``."""
        for signature, name, suffix in _SIGNATURES:
            if self.data.startswith(signature) and signature not in own:
                if signature == b"PK\x03\x04":
                    suffix = next((ending for part, ending in _PACKAGES if part in self.data), ".zip")
                advice = f"rename it to {suffix}" if suffix else "convert it to a supported format"
                raise self.unreadable(f"is {name} by its content, which its name does not say: {advice}")
