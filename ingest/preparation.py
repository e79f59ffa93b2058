"""From a file to the passages of its document: all of the work that needs neither the index nor a model's weights."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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


@dataclass(frozen=True, slots=True)
class Preparation:
    """Reads and splits in this process. Law: the same bytes under the same recipe give the same passages."""

    reader: Reader
    splitter: Splitter

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
