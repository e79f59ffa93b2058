"""One answer after the other: time to the first token, decoding, the whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from decoding.bench.engines import Engine
from decoding.bench.prompts import BenchPrompt


@dataclass(frozen=True, slots=True)
class Timing:
    """One answer: seconds to its first tokens and to its end; tokens that came first, and in all."""

    first_s: float
    whole_s: float
    first_tokens: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Sums over the answers of one engine. ``tokens_per_s`` counts those after each answer's first."""

    engine: str
    answers: int
    tokens: int
    first_s: float
    whole_s: float
    tokens_per_s: float

    @classmethod
    def of(cls, engine: str, timings: Sequence[Timing]) -> Speed:
        """First and whole are means for one answer, in seconds."""
        count = len(timings)
        decoding = sum(timing.whole_s - timing.first_s for timing in timings)
        further = sum(timing.tokens - timing.first_tokens for timing in timings)
        return cls(
            engine,
            count,
            sum(timing.tokens for timing in timings),
            sum(timing.first_s for timing in timings) / count,
            sum(timing.whole_s for timing in timings) / count,
            further / decoding if decoding > 0 else 0.0,
        )


def time_answer(engine: Engine, prompt: BenchPrompt, *, forced: bool = False) -> Timing:
    """Have one prompt answered."""
    started = time.perf_counter()
    first_s, first_tokens, tokens = 0.0, 0, 0
    for count in engine.stream(prompt, forced=forced):
        if not tokens:
            first_s, first_tokens = time.perf_counter() - started, count
        tokens += count
    return Timing(first_s or time.perf_counter() - started, time.perf_counter() - started, first_tokens, tokens)


def compare(
    engines: Sequence[Engine], prompts: Sequence[BenchPrompt], advance: Callable[[str], None] = lambda _: None
) -> list[Speed]:
    """All engines on each prompt in turn, so that whatever else the machine does meets all of them.

    ``advance`` hears of every answer.
    """
    timings: dict[str, list[Timing]] = {engine.name: [] for engine in engines}
    for prompt in prompts:
        for engine in engines:
            timing = time_answer(engine, prompt)
            timings[engine.name].append(timing)
            advance(f"{prompt.id}, {engine.name}: {timing.tokens} tokens in {timing.whole_s:.2f} s")
    return [Speed.of(name, each) for name, each in timings.items()]
