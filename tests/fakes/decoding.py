"""Fakes of the decoder: a generator that says what it is told, and a tokenizer of bytes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

from decoding.generator import (
    FinishReason,
    GenerationDone,
    GenerationParams,
    GenerationStats,
    TokenChunk,
)
from decoding.target import ContextOverflow

ROLE_START = 256
ROLE_END = 257
END_OF_TEXT = 258


class ByteTokenizer:
    """UTF-8 bytes are token ids; three ids above them are the control tokens of the chat template."""

    @property
    def end_tokens(self) -> frozenset[int]:
        return frozenset({ROLE_END, END_OF_TEXT})

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        return bytes(token for token in tokens if token < 256).decode(errors="replace")

    def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        ids: list[int] = []
        for role, content in messages:
            ids += [ROLE_START, *self.encode(f"{role}\n{content}"), ROLE_END]
        return [*ids, ROLE_START, *self.encode("assistant\n")]


class ScriptedGenerator:
    """Answers with ``script`` (or what it returns for the prompt), a few tokens at a time.

    ``delay`` is the pause in seconds before each chunk; ``prompts`` keeps the prompts that were asked.
    """

    def __init__(
        self,
        script: str | Callable[[list[int]], str],
        *,
        context_length: int = 65_536,
        chunk: int = 5,
        delay: float = 0.0,
    ) -> None:
        self._script = script
        self._context_length = context_length
        self._chunk = chunk
        self._delay = delay
        self.prompts: list[list[int]] = []
        self.running = 0

    @property
    def context_length(self) -> int:
        return self._context_length

    def generate(self, prompt: Sequence[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
        if not prompt:
            raise ValueError("the prompt is empty")
        if len(prompt) + params.max_tokens > self._context_length:
            raise ContextOverflow(len(prompt) + params.max_tokens, self._context_length)
        return self._stream(list(prompt), params)

    def _stream(self, prompt: list[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
        self.prompts.append(prompt)
        self.running += 1
        started = time.perf_counter()
        try:
            text = self._script if isinstance(self._script, str) else self._script(prompt)
            ends = [at for at in (text.find(stop) for stop in params.stop) if at >= 0]
            text = text[: min(ends)] if ends else text
            reason = FinishReason.STOP
            emitted: list[int] = []
            shown = ""
            tokens = list(text.encode())
            if len(tokens) > params.max_tokens:
                tokens, reason = tokens[: params.max_tokens], FinishReason.LENGTH
            steps = 0
            for at in range(0, len(tokens), self._chunk):
                if self._delay:
                    time.sleep(self._delay)
                if params.cancel is not None and params.cancel.is_set():
                    reason = FinishReason.CANCELLED
                    break
                piece = tokens[at : at + self._chunk]
                emitted += piece
                steps += 1
                whole = bytes(emitted).decode(errors="ignore")
                yield TokenChunk(tuple(piece), whole[len(shown) :])
                shown = whole
            whole = bytes(emitted).decode(errors="replace")
            if whole != shown:
                yield TokenChunk((), whole[len(shown) :])
            seconds = time.perf_counter() - started
            stats = GenerationStats(
                prompt_tokens=len(prompt),
                output_tokens=len(emitted),
                steps=steps,
                drafted=0,
                accepted=0,
                ttft_s=seconds,
                decode_s=0.0,
            )
            firsts = tokens[:1]  # whoever speaks by a script is sure of every word
            said = tuple(0.0 if [token] == firsts else -math.inf for token in params.options if emitted)
            yield GenerationDone(tuple(emitted), whole, reason, stats, (), said)
        finally:
            self.running -= 1
