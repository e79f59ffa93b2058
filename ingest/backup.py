"""Copies of the data folder's databases and of the files that were uploaded, made while they are in use.

Vectors are not copied: the store that is searched is made anew from the catalog and the computed vectors beside it.
Nor are files that still wait for their job.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MANIFEST = "backup.json"
_FORMATS = (1, 2)
"""The first one had no uploads."""
_PAGES = 2_048  # copied at a time, so that writers get their turn


class BackupUnusable(Exception):
    """A backup that can't be made or used; the message says why."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds: names of ``databases``, and how many files that were uploaded."""

    databases: Sequence[str]
    uploads: int


def back_up(data: Path, target: Path, uploads: Path) -> BackedUp:
    """Copy each SQLite file of ``data`` and the files below ``uploads``, a folder in it, to the new folder ``target``.

    Each copy of a database is one state of it (https://sqlite.org/backup.html); a file that was uploaded is replaced
    whole, never changed. The folder appears when it is complete. Raises BackupUnusable.
    """
    names = sorted(path.name for path in data.glob("*.sqlite"))
    if not names:
        raise BackupUnusable(f"{data} holds nothing to back up")
    if target.exists():
        raise BackupUnusable(f"{target} exists already: name a folder that does not")
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        for name in names:
            _copy(data / name, unfinished / name)
        sent = _copy_uploads(data, uploads, unfinished)
        manifest = {
            "format": _FORMATS[-1],
            "made_at": time.time(),
            "sha256": {name: _sha256(unfinished / name) for name in [*names, *sent]},
        }
        _write(unfinished / MANIFEST, json.dumps(manifest, indent=2))
        unfinished.rename(target)
    except (OSError, sqlite3.DatabaseError) as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise BackupUnusable(f"{target} could not be written: {error}") from error
    return BackedUp(names, len(sent))


def restore(source: Path, data: Path, uploads: Path, *, replace: bool = False) -> Path | None:
    """Put a backup's files into ``data``, which nobody may be using.

    With ``replace``, what is there goes into a new folder inside it, which is returned. Nothing is touched before the
    backup has been checked. Raises BackupUnusable.
    """
    names = _checked(source)
    there = [path for path in [*data.glob("*.sqlite*"), data / "chroma", uploads] if path.exists()]
    if there and not replace:
        raise BackupUnusable(f"{data} is not empty; to put what it holds aside: --replace")
    restoring = data / "restoring"
    try:
        shutil.rmtree(restoring, ignore_errors=True)
        restoring.mkdir(parents=True)
        for name in names:
            (restoring / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, restoring / name)
        aside = None
        if there:
            aside = data / time.strftime("replaced-%Y%m%d-%H%M%S", time.gmtime())
            aside.mkdir()
            for path in there:
                path.rename(aside / path.name)
        for path in sorted(restoring.iterdir()):
            path.rename(data / path.name)
        restoring.rmdir()
    except OSError as error:
        raise BackupUnusable(f"{data} could not be written: {error}") from error
    return aside


def _checked(source: Path) -> list[str]:
    try:
        manifest = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        hashes: dict[str, str] = manifest["sha256"]
        if manifest["format"] not in _FORMATS:
            raise BackupUnusable(f"{source} is a backup of another version (format {manifest['format']})")
        for name, expected in hashes.items():
            if not _is_below(name) or _sha256(source / name) != expected:
                raise BackupUnusable(f"{source / name} is damaged: it is not what was backed up")
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BackupUnusable(f"{source} is no backup: {error}") from error
    return sorted(hashes)


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _copy_uploads(data: Path, uploads: Path, target: Path) -> list[str]:
    """Their paths below ``data``, with forward slashes."""
    copied: list[str] = []
    for path in sorted(uploads.rglob("*")):
        name = path.relative_to(data)
        hidden = any(part.startswith(".") for part in path.relative_to(uploads).parts)  # waits for its job
        if hidden or path.is_symlink() or not path.is_file():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
        copied.append(name.as_posix())
    return copied


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        original.backup(copy, pages=_PAGES, sleep=0.01)
        # One file, without a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _write(path: Path, content: str) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
