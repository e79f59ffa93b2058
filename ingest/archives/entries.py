"""What archives hold, entry by entry, the same for .zip and .tar. Nothing is written, and no name is trusted."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, cast

from ingest.reader import UnreadableFile
from ingest.source_file import SourceFile

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, OverflowError, RuntimeError, OSError)
"""What the libraries raise for archives, and for entries, that are not what they should be."""

_ZIP, _EMPTY_ZIP, _GZIP = b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"
_UTF_8_NAME = 0x800
_ENCRYPTED = 0x1
_BLOCK = 512
_AT_ONCE = 8 * 1024 * 1024
"""Bytes that are held in memory at once: a zip archive's directory, a tar archive's headers."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What is taken from one archive: so many ``members``, each of at most ``member_bytes``.

    Together they unpack to at most ``unpacked_bytes``, and to at most ``ratio`` times the bytes of the archive itself,
    or ``member_bytes`` where that is more.
    """

    members: int = 20_000
    member_bytes: int = 50 * 1024 * 1024
    unpacked_bytes: int = 1024 * 1024 * 1024
    ratio: int = 200

    def refusal(self, source: str, packed: int, unpacked: int) -> UnreadableFile | None:
        """The error for an archive of ``packed`` bytes that has come to so many ``unpacked``; None within limits."""
        if unpacked > self.unpacked_bytes:
            allowed = self.unpacked_bytes / 2**20
            return UnreadableFile(source, f"unpacks to more than {allowed:,.0f} MB: split it or raise the limit")
        if unpacked > max(self.ratio * packed, self.member_bytes):
            reason = f"unpacks to more than {self.ratio} times its size, which no documents do: unpack it yourself"
            return UnreadableFile(source, reason)
        return None


class EntryKind(Enum):
    """What an entry is."""

    FILE = auto()
    FOLDER = auto()
    LINK = auto()
    OTHER = auto()
    """A device, a pipe."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``opened`` gives its ``size`` bytes, before the next entry is asked for.

    Opening and reading raise one of `DAMAGE` where the bytes are not what the archive says.
    """

    name: str
    size: int
    kind: EntryKind
    encrypted: bool
    opened: Callable[[], IO[bytes]]


def is_archive(name: str) -> bool:
    """Whether a file of this name is taken for an archive."""
    return name.lower().endswith(ENDINGS)


def entries_of(path: Path, source: str, limits: ArchiveLimits) -> Iterator[Entry]:
    """The entries of an archive, in its order.

    Raises `UnreadableFile` for one that is damaged or exceeds a limit, perhaps after entries that were sound: with the
    last one the whole of it has been seen.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise UnreadableFile(source, f"cannot be opened: {error.strerror or error}") from error
    with stream:
        head = stream.read(_BLOCK)
        stream.seek(0)
        if not head:
            raise UnreadableFile(source, "is empty: take it out of the folder")
        zipped = source.lower().endswith(".zip")
        SourceFile(source, head, "").refuse_foreign(*((_ZIP, _EMPTY_ZIP) if zipped else (_GZIP,)))
        found = _zip_entries(stream, source) if zipped else _tar_entries(stream, source, head, path, limits)
        for number, entry in enumerate(found):
            if number >= limits.members:
                allowed = f"{limits.members:,} are allowed"
                raise UnreadableFile(source, f"holds too many files ({allowed}): split it or unpack it yourself")
            yield entry


def _zip_entries(stream: BinaryIO, source: str) -> Iterator[Entry]:
    with _damage_named(source):
        archive = zipfile.ZipFile(_bounded(stream, source))
    with archive:
        for info in archive.infolist():
            yield Entry(
                _zip_name(info),
                info.file_size,
                _zip_kind(info),
                bool(info.flag_bits & _ENCRYPTED),
                partial(archive.open, info),
            )


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name: some programs write UTF-8 without saying so."""
    name = info.orig_filename
    if not info.flag_bits & _UTF_8_NAME:
        try:
            return name.encode("cp437").decode()
        except UnicodeError:
            pass
    return name


def _zip_kind(info: zipfile.ZipInfo) -> EntryKind:
    mode = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir():
        return EntryKind.FOLDER
    if mode == stat.S_IFLNK:
        return EntryKind.LINK
    return EntryKind.FILE if mode in (0, stat.S_IFREG) else EntryKind.OTHER


def _tar_entries(stream: BinaryIO, source: str, head: bytes, path: Path, limits: ArchiveLimits) -> Iterator[Entry]:
    packed = path.stat().st_size

    def check(position: int) -> None:
        if refusal := limits.refusal(source, packed, position):
            raise refusal

    unpacked = cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if head.startswith(_GZIP) else stream
    bounded = _bounded(unpacked, source, check if unpacked is not stream else None)
    with _damage_named(source):
        archive = tarfile.open(fileobj=bounded, mode="r:", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    with archive:
        while True:
            with _damage_named(source):
                info = archive.next()
            if info is None:
                break
            yield Entry(
                info.name,
                info.size,
                _tar_kind(info),
                False,
                partial(_tar_member, archive, info),
            )
        with _damage_named(source):
            _check_end(archive, bounded)


def _tar_kind(info: tarfile.TarInfo) -> EntryKind:
    if info.isdir():
        return EntryKind.FOLDER
    if info.issym() or info.islnk():
        return EntryKind.LINK
    return EntryKind.FILE if info.isreg() else EntryKind.OTHER


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    if stream is None:
        raise ValueError(f"{info.name} has no bytes")
    return stream


def _check_end(archive: tarfile.TarFile, stream: IO[bytes]) -> None:
    """Raise EOFError unless the archive ends as it should: the library takes a header that is damaged for the end."""
    stream.seek(archive.offset)
    if stream.read(_BLOCK) != bytes(_BLOCK):
        raise EOFError("no end mark")
    while stream.read(_AT_ONCE):  # The sum of a gzip file stands behind its last byte.
        pass


@contextmanager
def _damage_named(source: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise UnreadableFile(source, "is a damaged or incomplete archive: get or pack it again") from error


def _bounded(stream: BinaryIO, source: str, check: Callable[[int], None] | None = None) -> IO[bytes]:
    return cast(IO[bytes], _Bounded(stream, source, check))


class _Bounded(io.BufferedIOBase):
    """A stream of which nobody takes much at once, and of which ``check`` hears each place before it is reached."""

    def __init__(self, stream: BinaryIO, source: str, check: Callable[[int], None] | None) -> None:
        self._stream = stream
        self._source = source
        self._check = check

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if self._check is not None and whence == io.SEEK_SET:
            self._check(offset)
        return self._stream.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        asked = _AT_ONCE + 1 if size is None or size < 0 else size
        data = self._stream.read(min(asked, _AT_ONCE + 1))
        if len(data) > _AT_ONCE:
            raise UnreadableFile(self._source, "has a directory that is too large: unpack it yourself")
        if self._check is not None:
            self._check(self._stream.tell())
        return data
