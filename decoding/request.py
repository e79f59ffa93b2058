"""One stream of the decoder: what it has confirmed so far, and whether it is over."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence

import torch

from decoding.draft import Draft, DraftSource
from decoding.draft_record import DraftRecord
from decoding.drafting.step_cost import StepCost
from decoding.generator import (
    FinishReason,
    GenerationDone,
    GenerationParams,
    GenerationStats,
    TokenChunk,
    Tokenizer,
)
from decoding.sampling import Sampler, logprobs
from decoding.target import TargetSequence
from decoding.text_stream import TextStream

News = TokenChunk | GenerationDone | Exception


class Request:
    """A prompt and its continuation.

    ``tokens`` are both; of them the ``sequence`` holds the keys and values of those that were run. At least the last
    one is ``pending``: to run it tells the next. ``news`` are for whoever reads the stream.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        params: GenerationParams,
        tokenizer: Tokenizer,
        drafts: DraftSource | None,
        cost: StepCost,
    ) -> None:
        self.params = params
        self.tokens = list(prompt)
        self.drafts = drafts
        self.sequence: TargetSequence | None = None
        self.news: deque[News] = deque()
        self.left = False
        """Nobody reads the stream any more."""
        self.preemptions = 0
        self.arrival = 0
        self.record = DraftRecord(cost)
        self._prompt_length = len(prompt)
        self._cached: int | None = None
        self.sampler = Sampler(params.sampling, prompt)
        self._finished: FinishReason | None = None
        self._end_tokens = tokenizer.end_tokens
        self._text = TextStream(tokenizer, params.stop)
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._first_tokens = 0
        self._option_logprobs: tuple[float, ...] = ()
        self._attention: tuple[float, ...] = ()
        if drafts is not None:
            drafts.append(self.tokens)

    @property
    def over(self) -> bool:
        """Whether nothing more is to be computed."""
        return self._finished is not None or self.cancelled

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants more of it."""
        return self.left or (self.params.cancel is not None and self.params.cancel.is_set())

    @property
    def computed(self) -> int:
        """Tokens whose keys and values are there."""
        return self.sequence.length if self.sequence is not None else 0

    @property
    def pending(self) -> int:
        """Tokens that are still to be run, before the next can be told."""
        return len(self.tokens) - self.computed

    @property
    def remaining(self) -> int:
        """Tokens that may still be said."""
        return self.params.max_tokens - self._said

    @property
    def _said(self) -> int:
        return len(self.tokens) - self._prompt_length

    def begin(self, sequence: TargetSequence) -> None:
        """Go on with a ``sequence`` that holds the first tokens already."""
        query = self.params.attention
        if query is not None and not sequence.watch(query):
            sequence.truncate(query.start)
            sequence.watch(query)
        self.sequence = sequence
        if self._cached is None:
            self._cached = sequence.length

    def choose(self, draft: Draft, path: Sequence[int], confirmed: Sequence[int], logits: torch.Tensor) -> None:
        """A pass confirmed these tokens, of which the guesses at ``path`` in ``draft`` are all but the last.

        ``logits`` of shape (vocabulary,) are those that the first of them was chosen from.
        """
        self.record.add(draft, path, prompt=not self._said)
        if self.sequence is not None and self.params.attention is not None and not self._said:
            self._attention = self.sequence.attention
        if not self._said and self.params.options:
            self._option_logprobs = logprobs(logits, self.params.options)
        chunk = self._confirm(confirmed)
        if self.drafts is not None:
            self.drafts.append(confirmed[: len(chunk.tokens) + 1])  # the end token is a lesson too
        self.news.append(chunk)

    def _confirm(self, tokens: Sequence[int]) -> TokenChunk:
        """Take tokens one by one, up to the first that ends the text: what lies behind it was never said."""
        if self._first_token is None:
            self._first_token = time.perf_counter()
        taken: list[int] = []
        text = ""
        for token in tokens:
            if token in self._end_tokens:
                self._finished = FinishReason.STOP
                break
            taken.append(token)
            text += self._text.feed(token)
            if self._text.stopped:
                self._finished = FinishReason.STOP
                break
            if len(taken) == self.remaining:
                self._finished = FinishReason.LENGTH
                break
        if not self._said:
            self._first_tokens = len(taken)
        self.tokens += taken
        return TokenChunk(tuple(taken), text)

    def end(self) -> None:
        """The text still held back, then the summary."""
        self.news.extend(self._end())

    def _end(self) -> Iterator[News]:
        rest = self._text.finish()
        if rest:
            yield TokenChunk((), rest)
        now = time.perf_counter()
        first = self._first_token if self._first_token is not None else now
        record, output = self.record, self.tokens[self._prompt_length :]
        stats = GenerationStats(
            prompt_tokens=self._prompt_length,
            output_tokens=len(output),
            steps=record.steps,
            drafted=record.drafted,
            accepted=record.accepted,
            ttft_s=first - self._started,
            decode_s=now - first,
            cached_tokens=self._cached or 0,
            first_tokens=self._first_tokens,
            rows=record.rows,
            draft_s=record.draft_seconds,
            sources=record.sources(),
            speedup=record.speedup(),
        )
        reason = self._finished if self._finished is not None else FinishReason.CANCELLED
        if self._text.stopped:  # also where the last characters came out only now
            reason = FinishReason.STOP
        copied = record.copied(len(output))
        yield GenerationDone(
            tuple(output), self._text.text, reason, stats, copied, self._option_logprobs, self._attention
        )
