"""From a file to the passages of its document: all of the work that needs neither the index nor a model's weights.

Archives are unpacked here as well: whatever touches bytes from elsewhere can then be done in a process of its own.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ingest.archives.entries import ArchiveLimits
from ingest.archives.unpacking import Unpacked, unpack
from ingest.discovery import SourceFound
from ingest.document import Document, Passage
from ingest.reader import Reader, UnreadableFile
from ingest.splitter import Splitter


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document and its passages, of which there is at least one."""

    document: Document
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file did not become passages; ``trace`` is for the log, where a library stumbled over it."""

    reason: str
    trace: str = ""


Waiting = Callable[[SourceFound], None]


class Preparer(Protocol):
    """Prepares files one by one, perhaps several ahead of the one that is asked for."""

    def prepare_all(
        self, files: Iterable[SourceFound], waiting: Waiting | None = None
    ) -> Generator[tuple[SourceFound, Prepared | Failure]]:
        """Each file, in the order given, with what became of it. Closing the iterator ends all work at once.

        ``waiting`` is told about once a second which file is waited for; what it raises ends all work too.
        """
        ...

    def unpack_all(
        self, archives: Iterable[SourceFound], room: Path, waiting: Waiting | None = None
    ) -> Generator[tuple[SourceFound, Unpacked | Failure]]:
        """Each archive with what it held, unpacked below the folder ``room``; else as `prepare_all`."""
        ...


@dataclass(frozen=True, slots=True)
class Preparation:
    """Reads and splits in this process. Law: the same bytes under the same recipe give the same passages."""

    reader: Reader
    splitter: Splitter
    archives: ArchiveLimits = field(default_factory=ArchiveLimits)

    @property
    def recipe(self) -> str:
        """What besides the file decides its passages."""
        return f"{self.reader.version}; {self.splitter.version}"

    def prepare(self, path: Path, source: str) -> Prepared | Failure:
        """Read and split one file. Raises MemoryError alone."""
        try:
            document = self.reader.read(path, source)
            _refuse_half_characters(document)
        except Exception as error:  # a library stumbles over a hostile or damaged file: the others must go on
            return _failure(error, "read")
        try:
            passages = self.splitter.split(document)
        except Exception as error:
            return _failure(error, "split")
        return Prepared(document, tuple(passages)) if passages else Failure("holds no text")

    def prepare_all(
        self, files: Iterable[SourceFound], waiting: Waiting | None = None
    ) -> Generator[tuple[SourceFound, Prepared | Failure]]:
        """See `Preparer.prepare_all`; nothing is done ahead, and ``waiting`` hears nothing."""
        for file in files:
            yield file, self.prepare(file.path, file.source)

    def unpack(self, path: Path, source: str, folder: Path) -> Unpacked | Failure:
        """Unpack what can be read of an archive into ``folder``, which is made. Raises MemoryError alone."""
        try:
            folder.mkdir(parents=True)
            return unpack(path, source, folder, self.reader.suffixes, self.archives)
        except OSError as error:
            return Failure(f"cannot be unpacked: {error.strerror or error}")
        except Exception as error:  # a library stumbles over a hostile or damaged file: the others must go on
            return _failure(error, "unpacked")

    def unpack_all(
        self, archives: Iterable[SourceFound], room: Path, waiting: Waiting | None = None
    ) -> Generator[tuple[SourceFound, Unpacked | Failure]]:
        """See `Preparer.unpack_all`."""
        for archive, folder in folders_for(archives, room):
            yield archive, self.unpack(archive.path, archive.source, folder)


def folders_for(archives: Iterable[SourceFound], room: Path) -> Iterator[tuple[SourceFound, Path]]:
    """Each archive with a folder of its own, which is not there yet, below ``room``."""
    for number, archive in enumerate(archives):
        yield archive, room / str(number)


def _failure(error: Exception, doing: str) -> Failure:
    if _out_of_memory(error):
        raise MemoryError from error
    if isinstance(error, UnreadableFile):
        return Failure(error.reason)
    reason = f"could not be {doing} ({type(error).__name__}: {error})"
    return Failure(reason, "".join(traceback.format_exception(error)))


def _out_of_memory(error: BaseException | None) -> bool:
    """Whether that is what is behind an error; readers take most of what a library raises for damage."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__
    return False


def _refuse_half_characters(document: Document) -> None:
    """Raise ValueError for text that no database and no browser can hold (single surrogates)."""
    for text in (document.title, document.text):
        text.encode()
