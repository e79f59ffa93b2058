"""What a step of the target costs by the number of its rows: T(m)."""

from __future__ import annotations

import json
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decoding.target import TargetModel

GUESS_SECONDS = 20e-6
"""What making one guess takes, about; a constant, so that equal requests get equal drafts."""

WIDTHS = (1, 2, 4, 8, 12, 14, 16, 24, 32, 64, 128)
_MOST_ROWS = 1 << 16
_CONTEXT = 128
_ROUNDS = 3
_READING = 256


@dataclass(frozen=True, slots=True)
class StepCost:
    """``seconds[i]`` is the time of a step of ``rows[i]`` rows, both ascending; between and beyond it is linear."""

    rows: tuple[int, ...]
    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.seconds) or len(self.rows) < 2:
            raise ValueError(
                f"{len(self.rows)} widths and {len(self.seconds)} times: at least two of each, and as many"
            )
        if self.rows[0] != 1 or sorted(set(self.rows)) != list(self.rows):
            raise ValueError(f"widths must ascend from 1, not {list(self.rows)}")
        if min(self.seconds) <= 0 or sorted(self.seconds) != list(self.seconds):
            raise ValueError(f"times must be positive and must not fall as rows are added, not {list(self.seconds)}")

    def of(self, rows: int) -> float:
        """Seconds that a step of so many rows takes."""
        right = min(max(1, bisect_left(self.rows, rows)), len(self.rows) - 1)
        low, high = self.rows[right - 1], self.rows[right]
        share = (rows - low) / (high - low)
        return self.seconds[right - 1] + share * (self.seconds[right] - self.seconds[right - 1])

    def rows_within(self, seconds: float) -> int:
        """The most rows that a step of so many seconds has; 0 if none has."""
        if seconds < self.seconds[0]:
            return 0
        right = min(bisect_right(self.seconds, seconds), len(self.rows) - 1)
        low, high = self.seconds[right - 1], self.seconds[right]
        if low == high:
            return _MOST_ROWS
        share = (seconds - low) / (high - low)
        return min(_MOST_ROWS, int(self.rows[right - 1] + share * (self.rows[right] - self.rows[right - 1])))


DEFAULT_COST = StepCost((1, 16, 24, 32, 128), (0.032, 0.039, 0.0475, 0.061, 0.2))
"""The exact target with 1.5 billion weights on two cores of a Zen 5 server."""


def measure(
    target: TargetModel,
    widths: Sequence[int] = WIDTHS,
    clock: Callable[[], float] = time.perf_counter,
) -> StepCost:
    """Run steps of each width as trees, whose rows cost a little more than a chain's, and take the fastest of each.

    Takes some thirty steps: a second on a model of 1.5 billion weights and two processor cores.
    """
    widths = _widths(target, widths)
    fastest = dict.fromkeys(widths, float("inf"))
    sequence = target.start()
    try:
        sequence.extend([index % target.vocabulary for index in range(_CONTEXT)], 1)
        for _ in range(_ROUNDS):
            for width in widths:
                # A chain with a sibling at each place, as drafts of several continuations look.
                parents = [-1, *(2 * ((index - 1) // 2) for index in range(1, width))]
                started = clock()
                sequence.extend([index % target.vocabulary for index in range(width)], width, parents)
                fastest[width] = min(fastest[width], clock() - started)
                sequence.truncate(_CONTEXT)
    finally:
        sequence.close()
    # Whatever else the machine does only adds time, so no step costs more than a wider one was seen to take.
    seconds = [min(fastest[wider] for wider in widths[at:]) for at in range(len(widths))]
    return StepCost(widths, tuple(seconds))


def reading_seconds(target: TargetModel, clock: Callable[[], float] = time.perf_counter) -> float:
    """What a token of a prompt takes, whose logits nobody asks for: the fastest of three pieces."""
    rows = min(_READING, target.context_length)
    fastest = float("inf")
    sequence = target.start()
    try:
        for _ in range(_ROUNDS):
            started = clock()
            sequence.extend([index % target.vocabulary for index in range(rows)], 0)
            fastest = min(fastest, clock() - started)
            sequence.truncate(0)
    finally:
        sequence.close()
    return fastest / rows


def measured_once(target: TargetModel, file: Path, conditions: str) -> StepCost:
    """What ``file`` keeps for ``conditions`` (engine, processor, threads), measured now if it keeps nothing for them.

    A file that can't be read or written costs the second that it would have saved.
    """
    kept: Any = {}  # it comes from a file
    with suppress(OSError, ValueError, LookupError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        found = kept[conditions]
        cost = StepCost(tuple(map(int, found["rows"])), tuple(map(float, found["seconds"])))
        if cost.rows == _widths(target, WIDTHS):
            return cost
    cost = measure(target)
    if not isinstance(kept, dict):
        kept = {}
    with suppress(OSError):
        file.write_text(json.dumps(kept | {conditions: {"rows": cost.rows, "seconds": cost.seconds}}, indent=1) + "\n")
    return cost


def _widths(target: TargetModel, widths: Sequence[int]) -> tuple[int, ...]:
    """Those of ``widths`` that fit into the target's context."""
    return tuple(width for width in widths if width + _CONTEXT <= target.context_length)
