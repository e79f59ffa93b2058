"""Whatever continues prompts, ours and others, behind one seam, so that all are measured by the same clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Protocol

from decoding.bench.prompts import BenchPrompt
from decoding.generate import SpeculativeGenerator
from decoding.generator import GenerationDone, GenerationParams, GenerationStats, SamplingParams

FORCED_BIAS = -100.0
"""On the tokens that end a text, where all answers shall have the same length."""


class Engine(Protocol):
    """Greedy decoding, safe to be used by several threads at once."""

    @property
    def name(self) -> str:
        """For tables."""
        ...

    def stream(self, prompt: BenchPrompt, *, forced: bool = False) -> Iterator[int]:
        """How many tokens came, each time some came; ``forced``: exactly ``prompt.max_tokens`` of them in all."""
        ...


class OurEngine:
    """A generator of ours. ``done`` of the last answers by prompt id, for tokens and statistics."""

    def __init__(
        self, name: str, generator: SpeculativeGenerator, ends: frozenset[int], *, one_at_a_time: bool = False
    ) -> None:
        self.name = name
        self.done: dict[str, GenerationDone] = {}
        self.generator = generator
        self._bias = tuple((token, FORCED_BIAS) for token in sorted(ends))
        self._turn = threading.Lock() if one_at_a_time else None

    def stream(self, prompt: BenchPrompt, *, forced: bool = False) -> Iterator[int]:
        """See `Engine`."""
        if self._turn is not None:
            self._turn.acquire()
        try:
            sampling = SamplingParams(logit_bias=self._bias if forced else ())
            params = GenerationParams(prompt.max_tokens, sampling, draft_texts=prompt.draft_texts)
            for item in self.generator.generate(prompt.tokens, params):
                if isinstance(item, GenerationDone):
                    self.done[prompt.id] = item
                elif item.tokens:
                    yield len(item.tokens)
        finally:
            if self._turn is not None:
                self._turn.release()

    def stats(self, prompt: BenchPrompt) -> GenerationStats:
        """Of the last answer to ``prompt``."""
        return self.done[prompt.id].stats
