"""How far a job has come, how fast it goes and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ingest.progress import Phase, Progress


@dataclass(frozen=True, slots=True)
class JobProgress:
    """`ingest.progress.Progress` with its pace; ``seconds_left`` None while it can't be told."""

    phase: Phase
    source: str
    position: int
    total: int
    bytes_done: int
    bytes_total: int
    passages: int
    passages_per_s: float
    seconds_left: float | None

    def row(self) -> Mapping[str, Any]:
        """As it is kept."""
        return asdict(self)


class Pace:
    """Turns the moments of one ingest into progress; counts anew when a phase begins."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._phase: Phase | None = None
        self._began = 0.0

    def at(self, moment: Progress) -> JobProgress:
        """Time left is what the rest of the bytes takes at the rate so far; of the files where they have no sizes."""
        now = self._clock()
        if moment.phase is not self._phase:
            self._phase, self._began = moment.phase, now
        elapsed = now - self._began
        done, total = moment.bytes_done, moment.bytes_total
        if not total:
            done, total = moment.position - 1, moment.total
        return JobProgress(
            moment.phase,
            moment.source,
            moment.position,
            moment.total,
            moment.bytes_done,
            moment.bytes_total,
            moment.passages,
            passages_per_s=round(moment.passages / elapsed, 1) if elapsed > 0 else 0.0,
            seconds_left=round(elapsed * (total - done) / done, 1) if total and done else None,
        )
