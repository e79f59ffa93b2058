"""Formats that are zip archives of XML parts: what is refused before any parser sees them."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

from ingest.source_file import Limits, SourceFile

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class PackageKind:
    """One such format in a person's words; ``main`` is the part that every file of it has.

    ``old`` names the format that came before and has the same name for people, empty without one. ``declares`` says
    whether its parts may declare a document type, which is how XML brings entities along.
    """

    name: str
    suffix: str
    main: str
    program: str
    old: str = ""
    declares: bool = False

    def check(self, file: SourceFile, limits: Limits) -> None:
        """Raise `UnreadableFile` for what is encrypted, of another format, damaged or too large."""
        file.refuse_foreign(ZIP, OLE)
        if file.data.startswith(OLE):
            if "EncryptedPackage".encode("utf-16-le") in file.data:
                raise file.unreadable("is protected with a password: save a copy without one")
            was = self.old or "an old Office file"
            raise file.unreadable(f"is {was} by its content: save it as {self.suffix}")
        try:
            with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
                self._check_members(file, archive, limits)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            raise file.unreadable("is damaged or incomplete: get or save it again") from error

    def damaged(self, file: SourceFile, error: Exception) -> Exception:
        """The error for a file over which a parser stumbled."""
        return file.unreadable(
            f"is damaged and cannot be read as {self.name} ({type(error).__name__}): "
            f"open it in {self.program}, repair it and save it again"
        )

    def _check_members(self, file: SourceFile, archive: zipfile.ZipFile, limits: Limits) -> None:
        members = archive.infolist()
        if any(member.flag_bits & 0x1 for member in members):
            raise file.unreadable("is an encrypted archive: save a copy without a password")
        # A member yields no more than the size that it declares, so the sum bounds what is unpacked.
        if sum(member.file_size for member in members) > limits.unpacked_bytes:
            allowed = limits.unpacked_bytes / 2**20
            raise file.unreadable(f"unpacks to more than {allowed:,.0f} MB: split it or make its pictures smaller")
        if self.main not in archive.namelist():
            raise file.unreadable(f"is a zip archive but not {self.name}: rename or convert it")
        if archive.testzip() is not None:
            raise file.unreadable("is damaged in one of its parts: get or save it again")
        for member in () if self.declares else members:
            # Zeros are what another encoding of XML puts between these signs.
            if member.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.read(member).replace(b"\0", b""):
                advice = f"open it in {self.program} and save it again"
                raise file.unreadable(f"declares XML entities, which {self.program} never writes: {advice}")
