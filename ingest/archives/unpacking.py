"""From an archive to files on the disk that readers can take, and single members for whoever asks for the original.

What an archive calls its members decides what the product calls them, never where anything is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from ingest.archives.entries import DAMAGE, ArchiveLimits, Entry, EntryKind, entries_of, is_archive
from ingest.discovery import Refusal, printable, reason_to_skip

_CHUNK = 1024 * 1024
_LONGEST_PART, _LONGEST_NAME = 255, 1_000
_OUTSIDE = re.compile(r"/|[A-Za-z]:|(?:.*/)?\.\.(?:/|\Z)", re.DOTALL)


@dataclass(slots=True)
class Unpacked:
    """What an archive held: members by name, each with the file into which it was unpacked, and what was left.

    Names are paths within the archive, with forward slashes. ``failed`` names members that can't be taken,
    ``skipped`` what is passed over as it would be in a folder.
    """

    members: dict[str, Path] = field(default_factory=dict)
    failed: list[Refusal] = field(default_factory=list)
    skipped: list[Refusal] = field(default_factory=list)


class _BadMember(Exception):
    """A member that can't be taken; the message says why."""


def unpack(path: Path, source: str, folder: Path, suffixes: Collection[str], limits: ArchiveLimits) -> Unpacked:
    """Unpack the members with one of ``suffixes`` into ``folder``, under names that are not the archive's.

    Raises `UnreadableFile` when the archive as a whole is damaged or exceeds a limit, OSError when there is no room.
    """
    found = Unpacked()
    packed, taken = path.stat().st_size, 0
    skipped: dict[Refusal, None] = {}
    twice: set[str] = set()
    for number, entry in enumerate(entries_of(path, source, limits)):
        if entry.kind is EntryKind.FOLDER:
            continue
        try:
            name = _name_of(entry)
            if refusal := _skipped(name, entry, suffixes):
                skipped[refusal] = None
                continue
            _check(entry, name, limits)
            taken += entry.size
            if too_large := limits.refusal(source, packed, taken):
                raise too_large
            if name in found.members:
                twice.add(name)
            else:
                found.members[name] = _written(entry, folder / f"{number}{PurePosixPath(name).suffix.lower()}")
        except _BadMember as error:
            found.failed.append(Refusal(_shown(entry.name), str(error)))
    for name in sorted(twice):
        found.members.pop(name).unlink()
        found.failed.append(Refusal(name, "stands in the archive more than once: pack the one that holds"))
    found.skipped = list(skipped)
    return found


def read_member(path: Path, source: str, name: str, limits: ArchiveLimits) -> bytes | None:
    """The bytes of the member ``name``; None where there is none, or it can't be taken.

    Raises `UnreadableFile` when the archive is damaged or exceeds a limit before the member is found.
    """
    for entry in entries_of(path, source, limits):
        try:
            if entry.kind is EntryKind.FILE and _name_of(entry) == name:
                _check(entry, name, limits)
                with _opened(entry) as stream:
                    return _read(stream, limits.member_bytes)
        except _BadMember:
            continue
    return None


def _name_of(entry: Entry) -> str:
    """The member's path within the archive. Raises `_BadMember` for what is none."""
    try:
        entry.name.encode()
    except UnicodeEncodeError as error:
        raise _BadMember("its name is not valid UTF-8: pack it again") from error
    name = unicodedata.normalize("NFC", entry.name).replace("\\", "/")
    if _OUTSIDE.match(name):
        raise _BadMember("its name leads out of the archive: pack it again")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or any(unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co") for character in name):
        raise _BadMember("its name is empty or holds characters that can't be seen: pack it again")
    if len("/".join(parts).encode()) > _LONGEST_NAME or any(len(part.encode()) > _LONGEST_PART for part in parts):
        raise _BadMember(f"its name is longer than {_LONGEST_NAME} bytes, or {_LONGEST_PART} in one part: shorten it")
    return "/".join(parts)


def _skipped(name: str, entry: Entry, suffixes: Collection[str]) -> Refusal | None:
    """What is passed over, by the rules for folders; a hidden folder with all that it holds."""
    *folders, own = name.split("/")
    for depth, folder in enumerate(folders, start=1):
        if folder.startswith(".") or folder == "__MACOSX":
            return Refusal("/".join(folders[:depth]) + "/", "is hidden")
    if reason := reason_to_skip(own, suffixes):
        return Refusal(name, reason)
    return Refusal(name, "is a link") if entry.kind is EntryKind.LINK else None


def _check(entry: Entry, name: str, limits: ArchiveLimits) -> None:
    """Raise `_BadMember` for a member that is not to be opened."""
    if entry.kind is not EntryKind.FILE:
        raise _BadMember("is not an ordinary file: pack the archive without it")
    if is_archive(name):
        raise _BadMember("is an archive within an archive: unpack the outer one")
    if entry.encrypted:
        raise _BadMember("is encrypted: pack it without a password")
    if entry.size > limits.member_bytes:
        size, allowed = entry.size / 2**20, limits.member_bytes / 2**20
        raise _BadMember(f"is too large ({size:,.1f} MB, {allowed:,.1f} MB are allowed): split it or raise the limit")


def _written(entry: Entry, target: Path) -> Path:
    """Raises `_BadMember` where the bytes are damaged, OSError where they can't be kept."""
    with _opened(entry) as stream, target.open("wb") as copy:
        while chunk := _read(stream, _CHUNK):
            copy.write(chunk)
    return target


def _opened(entry: Entry) -> IO[bytes]:
    try:
        return entry.opened()
    except NotImplementedError as error:
        raise _BadMember(f"is packed by a method that is not known ({error}): pack it as a usual .zip") from error
    except DAMAGE as error:
        raise _BadMember("is damaged within the archive: get or pack it again") from error


def _read(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except DAMAGE as error:
        raise _BadMember("is damaged within the archive: get or pack it again") from error


def _shown(name: str) -> str:
    """A name as it can be printed, and not at a length that is part of the trick."""
    text = printable(name) if "\0" not in name else name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    text = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cc" else c for c in text)
    return text if len(text) <= _LONGEST_PART else f"{text[:_LONGEST_PART]}…"
