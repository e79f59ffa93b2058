"""How far an ingest has come, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from ingest.discovery import Refusal, SourceFound


class Phase(StrEnum):
    """What is being done: making missing vectors anew, looking what there is, or going through the files."""

    RESTORING = "restoring"
    FINDING = "finding"
    INGESTING = "ingesting"


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment. ``source`` is at hand, the ``position``-th (from 1) of ``total``, which is 0 while it is not known.

    ``bytes_done`` of ``bytes_total`` are behind it, without this file (0 but while ingesting). ``passages`` were stored
    since the phase began.
    """

    phase: Phase
    source: str
    position: int
    total: int
    bytes_done: int
    bytes_total: int
    passages: int


Listener = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What an ingest did, by source.

    ``moved`` pairs where a document was with where it is. Documents whose file is gone are ``removed``; ``kept`` where
    that was asked for, or ``withheld`` because they are so many that it has to be confirmed. ``restored`` are
    documents whose vectors were missing and made anew, ``passages`` those embedded in all, ``reused`` those of new
    revisions whose words had been embedded before.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    failed: tuple[Refusal, ...] = ()
    skipped: tuple[Refusal, ...] = ()
    restored: tuple[str, ...] = ()
    passages: int = 0
    reused: int = 0
    seconds: float = field(default=0.0, compare=False)


class Tracker:
    """Counts through one phase and tells the listener."""

    def __init__(self, phase: Phase, total: int, bytes_total: int, listener: Listener | None) -> None:
        self.passages = 0
        self._phase = phase
        self._total = total
        self._bytes_total = bytes_total
        self._listener = listener
        self._source = ""
        self._position = 0
        self._size = 0
        self._bytes_done = 0

    def begin(self, source: str, size: int = 0) -> None:
        """The next of ``total`` is at hand; the one before it is done."""
        self._bytes_done += self._size
        self._source, self._size = source, size
        self._position += 1
        self._tell()

    def working(self) -> None:
        """The one at hand takes its time."""
        self._tell()

    def waiting(self, file: SourceFound) -> None:
        """The next one takes its time to be read."""
        self._tell(file.source, 1, self._size)

    def embedded(self, passages: int) -> None:
        """So many more passages of it are stored with their vectors."""
        self.passages += passages
        self._tell()

    def _tell(self, source: str | None = None, ahead: int = 0, size: int = 0) -> None:
        if self._listener is not None:
            self._listener(
                Progress(
                    self._phase,
                    self._source if source is None else source,
                    self._position + ahead,
                    self._total,
                    self._bytes_done + size,
                    self._bytes_total,
                    self.passages,
                )
            )
