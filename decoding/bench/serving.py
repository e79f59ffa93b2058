"""Many requests at once: what each feels, and what all of them get."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from decoding.bench.engines import Engine
from decoding.bench.prompts import BenchPrompt


@dataclass(slots=True)
class Served:
    """One request: when it came, and when how many tokens of its answer came (seconds of one clock)."""

    arrived: float
    tokens: list[tuple[float, int]] = field(default_factory=list)
    error: Exception | None = None

    @property
    def first_s(self) -> float:
        """Seconds from its coming to its first token, waiting included."""
        return self.tokens[0][0] - self.arrived

    @property
    def gaps(self) -> list[float]:
        """Seconds between one arrival of tokens and the next."""
        times = [at for at, _ in self.tokens]
        return [later - earlier for earlier, later in pairwise(times)]

    @property
    def per_token_s(self) -> float:
        """Mean seconds for each token after the first ones."""
        further = sum(count for _, count in self.tokens[1:])
        return (self.tokens[-1][0] - self.tokens[0][0]) / further if further else 0.0


@dataclass(frozen=True, slots=True)
class Quantiles:
    """In seconds."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quantiles:
        """Of at least one value; zeros of none."""
        ranked = sorted(values) or [0.0]
        return cls(*(ranked[min(len(ranked) - 1, int(share * len(ranked)))] for share in (0.5, 0.95, 0.99)))


@dataclass(frozen=True, slots=True)
class Load:
    """What one engine made of one load.

    ``tokens_per_s`` counts all tokens over the time from the first request's coming to the last one's end;
    ``flowing_tokens_per_s`` those that came while as many streams as ever flowed, over that time. ``goodput`` is the
    share of requests whose first token came within the stated seconds and whose further ones took no longer, each,
    than stated.
    """

    engine: str
    requests: int
    tokens: int
    seconds: float
    tokens_per_s: float
    flowing_tokens_per_s: float
    first: Quantiles
    gap: Quantiles
    per_token: Quantiles
    goodput: float


def summary(engine: str, served: Sequence[Served], first_within_s: float, token_within_s: float) -> Load:
    """Raises what a request raised."""
    for each in served:
        if each.error is not None:
            raise each.error
    tokens = sum(count for each in served for _, count in each.tokens)
    seconds = max(each.tokens[-1][0] for each in served) - min(each.arrived for each in served)
    good = sum(each.first_s <= first_within_s and each.per_token_s <= token_within_s for each in served)
    return Load(
        engine,
        len(served),
        tokens,
        seconds,
        tokens / seconds,
        _flowing(served),
        Quantiles.of([each.first_s for each in served]),
        Quantiles.of([gap for each in served for gap in each.gaps]),
        Quantiles.of([each.per_token_s for each in served]),
        good / len(served),
    )


def _flowing(served: Sequence[Served]) -> float:
    """Tokens per second while the most streams were between their first and their last token."""
    streams = [(each.tokens[0][0], each.tokens[-1][0]) for each in served if len(each.tokens) > 1]
    times = sorted({time for stream in streams for time in stream})
    spans = [
        (sum(start < end and start <= low and high <= end for start, end in streams), low, high)
        for low, high in pairwise(times)
    ]
    most = max((count for count, _, _ in spans), default=0)
    full = [(low, high) for count, low, high in spans if count == most]
    seconds = sum(high - low for low, high in full)
    inside = sum(
        count for each in served for at, count in each.tokens[1:] if any(low < at <= high for low, high in full)
    )
    return inside / seconds if seconds > 0 else 0.0


def together(engine: Engine, prompts: Sequence[BenchPrompt], streams: int, *, forced: bool) -> list[Served]:
    """``streams`` callers, each of whom asks the next prompt as soon as he has his answer (a closed loop)."""
    waiting = list(reversed(prompts))
    taking = threading.Lock()
    served: list[Served] = []

    def caller() -> None:
        while True:
            with taking:
                if not waiting:
                    return
                prompt, each = waiting.pop(), Served(time.perf_counter())
                served.append(each)
            _serve(engine, prompt, each, forced=forced)

    threads = [threading.Thread(target=caller) for _ in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return served


def arriving(engine: Engine, prompts: Sequence[BenchPrompt], per_second: float, seed: int = 0) -> list[Served]:
    """Prompts that come by themselves, at random times, whether others are done or not (Poisson, an open loop)."""
    chance = random.Random(seed)
    threads, served = [], []
    due = time.perf_counter()
    for prompt in prompts:
        time.sleep(max(0.0, due - time.perf_counter()))
        each = Served(due)
        thread = threading.Thread(target=_serve, args=(engine, prompt, each), kwargs={"forced": False})
        thread.start()
        threads.append(thread)
        served.append(each)
        due += chance.expovariate(per_second)
    for thread in threads:
        thread.join()
    return served


def _serve(engine: Engine, prompt: BenchPrompt, each: Served, *, forced: bool) -> None:
    try:
        for count in engine.stream(prompt, forced=forced):
            each.tokens.append((time.perf_counter(), count))
    except Exception as error:
        each.error = error
