"""T(m): how long passes of m rows take at a usual context, beside the time that reading all weights once takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from decoding.exact.target import ExactTarget
from decoding.target import TargetModel

WIDTHS = (1, 2, 4, 8, 12, 16, 24, 32)


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Seconds. ``floor`` is what reading ``packed_bytes`` takes, None for targets that don't tell."""

    context: int
    rows: tuple[int, ...]
    seconds: tuple[float, ...]
    prefill_tokens: int
    prefill_s: float
    packed_bytes: int | None
    floor_s: float | None


def measure(target: TargetModel, tokens: Sequence[int], rounds: int = 12) -> StepTimes:
    """Medians over ``rounds`` in which all widths take turns; ``tokens`` are the context."""
    chunk = 256
    prefills: list[float] = []
    sequence = target.start()
    for _ in range(3):
        sequence.truncate(0)
        started = time.perf_counter()
        for at in range(0, len(tokens), chunk):
            sequence.extend(tokens[at : at + chunk], int(at + chunk >= len(tokens)))
        prefills.append(time.perf_counter() - started)
    taken: dict[int, list[float]] = {width: [] for width in WIDTHS}
    floors: list[float] = []
    for _ in range(rounds):
        for width in WIDTHS:
            started = time.perf_counter()
            sequence.extend(tokens[:width], width)
            taken[width].append(time.perf_counter() - started)
            sequence.truncate(len(tokens))
        if isinstance(target, ExactTarget):
            floors.append(target.read_weights())
    sequence.close()
    return StepTimes(
        len(tokens),
        WIDTHS,
        tuple(median(taken[width]) for width in WIDTHS),
        len(tokens),
        median(prefills),
        target.weight_bytes if isinstance(target, ExactTarget) else None,
        median(floors) if floors else None,
    )
