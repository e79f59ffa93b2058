"""Which files an ingest is about, and under which name the product knows each."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from ingest.archives.entries import is_archive

if TYPE_CHECKING:
    from ingest.archives.unpacking import Unpacked


class Refusal(NamedTuple):
    """A file that did not enter the index, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceFound:
    """An ordinary file: where it is, what it is called below its ``root``, and its size in bytes.

    The member of an archive is called by the archive's name and its path within, and lies where it was unpacked.
    """

    path: Path
    source: str
    size: int
    root: str = ""

    @property
    def place(self) -> str:
        """Where the file stands among all files, however the folder that was named is cut off from its path."""
        return place_of(self.root, self.source)


def place_of(root: str, source: str) -> str:
    """A source with the root below which it lies."""
    return f"{root.rstrip('/')}/{source}"


@dataclass(slots=True)
class Discovery:
    """What was found: files and archives by place, those that can't be taken, and those that are passed over.

    ``folders`` are the places of the folders and archives that were searched; a document below one of them whose file
    was not found is gone. ``unsure`` are places below which nothing is known, because a file, a folder or an archive
    there could not be opened.
    """

    files: dict[str, SourceFound] = field(default_factory=dict)
    archives: dict[str, SourceFound] = field(default_factory=dict)
    failed: list[Refusal] = field(default_factory=list)
    skipped: list[Refusal] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def take(self, path: Path, source: str, root: str) -> None:
        """Add a file unless it can't be told from another one or read at all."""
        try:
            source.encode()
        except UnicodeEncodeError:
            self.failed.append(Refusal(printable(source), "its name is not valid UTF-8: rename it"))
            return
        try:
            status = path.stat()
        except OSError as error:
            self.fail(source, root, f"cannot be opened: {error.strerror or error}")
            return
        if not stat.S_ISREG(status.st_mode):
            self.fail(source, root, "is not an ordinary file")
            return
        found = SourceFound(path, source, status.st_size, root)
        other = (self.archives if is_archive(source) else self.files).setdefault(found.place, found)
        if not other.path.samefile(path):
            reason = f"{path} would have the same name as {other.path}: ingest a folder that holds both"
            self.failed.append(Refusal(source, reason))

    def enter(self, archive: SourceFound, contents: Unpacked) -> None:
        """Add what an archive holds, which counts as a folder from now on."""
        self.folders.append(archive.place)
        for name, path in contents.members.items():
            self.take(path, f"{archive.source}/{name}", archive.root)
        for name, reason in contents.failed:
            self.fail(f"{archive.source}/{name}", archive.root, reason)
        self.skipped.extend(Refusal(f"{archive.source}/{name}", reason) for name, reason in contents.skipped)
        if not contents.members and not contents.failed:
            self.skipped.append(Refusal(archive.source, "holds no document of a known format"))

    def fail(self, source: str, root: str, reason: str) -> None:
        """Note a file or folder that is there but can't be looked at; what is known of it stays."""
        self.failed.append(Refusal(printable(source), reason))
        self.unsure.append(place_of(root, source))


Heard = Callable[[str], None]
"""Hears the name of what is looked at; what it raises breaks the search off."""


def discover(
    paths: Sequence[Path],
    suffixes: Collection[str],
    root: str | None = None,
    base: Path | None = None,
    heard: Heard = lambda _: None,
) -> Discovery:
    """Look for files in ``paths``.

    A file that is named is taken whatever its ending; its source is its name and its root its folder. In a folder,
    archives and files with one of ``suffixes`` (lower case, with the dot) are taken; their source is the path below the
    folder, with forward slashes. What archives hold is for others to find (`Discovery.enter`). Hidden files and
    folders, other endings, and links that lead out of the folder are skipped.
    ``root`` stands in for the folders' own paths, for files that only happen to lie where they are. With ``base``, a
    folder that holds the named files, their sources are their paths below it.
    """
    discovery = Discovery()
    for path in paths:
        if path.is_dir():
            _search(path, suffixes, discovery, root or str(path.resolve()), heard)
        elif path.exists():
            folder = base or path.parent
            discovery.take(path, path.relative_to(folder).as_posix(), root or str(folder.resolve()))
        else:
            discovery.failed.append(Refusal(printable(str(path)), "there is no such file or folder"))
    return discovery


def printable(name: str) -> str:
    """``name`` with what is no text in it (bytes of another encoding) shown as U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")


def _search(top: Path, suffixes: Collection[str], discovery: Discovery, root: str, heard: Heard) -> None:
    def source_of(path: str | Path) -> str:
        return Path(path).relative_to(top).as_posix()

    def unreadable(error: OSError) -> None:
        folder = source_of(error.filename) if error.filename else str(top)
        discovery.fail(f"{folder}/" if folder != "." else "./", root, f"cannot be opened: {error.strerror}")

    discovery.folders.append(root)
    inside = top.resolve()
    for folder, folders, names in os.walk(top, onerror=unreadable):
        for name in sorted(folders):
            path = Path(folder, name)
            if name.startswith(".") or path.is_symlink():
                why = "is hidden" if name.startswith(".") else "is a link to a folder"
                discovery.skipped.append(Refusal(printable(f"{source_of(path)}/"), why))
                folders.remove(name)
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            heard(source_of(path))
            why_not = reason_to_skip(name, suffixes)
            if why_not is None and path.is_symlink() and not path.resolve().is_relative_to(inside):
                why_not = "is a link that leads out of the folder"
            if why_not:
                discovery.skipped.append(Refusal(printable(source_of(path)), why_not))
            else:
                discovery.take(path, source_of(path), root)


def reason_to_skip(name: str, suffixes: Collection[str]) -> str | None:
    """Why a file of this name is passed over; None for one to take, as archives are."""
    if name.startswith("."):
        return "is hidden"
    if name.startswith("~$"):
        return "is a lock file of an office program"
    suffix = PurePosixPath(name).suffix.lower()
    return None if suffix in suffixes or is_archive(name) else f"its format ({suffix or 'no ending'}) is not known"
