"""The main path of the decoder: draft, run the target once over the guess, keep what it confirms.

Reads from top to bottom: `SpeculativeGenerator.generate` checks, `_run` is the loop, `_Request` counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from decoding.draft import Draft, DraftSource
from decoding.draft_record import DraftRecord
from decoding.drafting.step_cost import DEFAULT_COST, StepCost
from decoding.generator import (
    FinishReason,
    GenerationDone,
    GenerationParams,
    GenerationStats,
    TokenChunk,
    Tokenizer,
)
from decoding.prefix_cache import PrefixCache
from decoding.sampling import Sampler
from decoding.target import ContextOverflow, TargetModel, TargetSequence
from decoding.text_stream import TextStream
from decoding.verification import verify

PREFILL_ROWS = 256
"""Prompt tokens per forward pass: large enough for full speed, small enough to notice a cancel soon."""


class SpeculativeGenerator:
    """Generates with one target and, for each request, a draft source that ``drafting`` makes for its parameters.

    With a ``prefix_cache`` a prompt's beginning that an earlier request of the same scope computed is not computed
    again; on exact targets that changes no bit.

    ``max_rows`` bounds the tokens of one step: the last confirmed one and at most ``max_rows - 1`` guesses. It
    is safe to run several streams at once; each has its own sequence. ``cost`` is what steps take, for statistics.
    """

    def __init__(
        self,
        target: TargetModel,
        tokenizer: Tokenizer,
        drafting: Callable[[GenerationParams], DraftSource] | None,
        max_rows: int = 32,
        prefix_cache: PrefixCache | None = None,
        cost: StepCost = DEFAULT_COST,
    ) -> None:
        if max_rows < 1:
            raise ValueError(f"max_rows must be at least 1, not {max_rows}")
        self._target = target
        self._tokenizer = tokenizer
        self._drafting = drafting
        self._cost = cost
        self._max_rows = max_rows
        self._prefix_cache = prefix_cache

    @property
    def context_length(self) -> int:
        """Tokens that prompt and output together may have."""
        return self._target.context_length

    def generate(self, prompt: Sequence[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
        """Stream the continuation of ``prompt``; the last item is the only `GenerationDone`.

        Raises `ContextOverflow` before any work, ValueError for an empty prompt and for token ids that the model
        does not have, and while streaming `decoding.sampling.InvalidLogits` when the model computes nonsense.
        """
        if not prompt:
            raise ValueError("the prompt is empty: there is nothing to continue")
        if len(prompt) + params.max_tokens > self._target.context_length:
            raise ContextOverflow(len(prompt) + params.max_tokens, self._target.context_length)
        self._check_tokens("the prompt", prompt)
        self._check_tokens("logit_bias", [token for token, _ in params.sampling.logit_bias])
        return self._run(list(prompt), params)

    def _check_tokens(self, where: str, tokens: Sequence[int]) -> None:
        for token in (min(tokens, default=0), max(tokens, default=0)):
            if not 0 <= token < self._target.vocabulary:
                raise ValueError(f"{where} holds token {token}; the model's ids end at {self._target.vocabulary - 1}")

    def _run(self, prompt: list[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
        request = _Request(prompt, params, self._tokenizer, self._cost)
        drafts = self._drafting(params) if self._drafting is not None else None
        sequence = self._begin(request)
        try:
            confirmed = self._prefill(sequence, request, drafts)
            while confirmed is not None:
                chunk = request.confirm(confirmed)
                if drafts is not None:
                    drafts.append(confirmed[: len(chunk.tokens) + 1])  # the end token is a lesson too
                yield chunk
                over = request.finished is not None or request.cancelled
                confirmed = None if over else self._pass(sequence, request, [request.output[-1]], drafts)
            yield from request.end()
        except Exception:
            sequence.close()  # what it holds may be nonsense, from which no other request shall begin
            raise
        finally:
            if drafts is not None:
                drafts.close()
            self._put_away(sequence, request)

    def _begin(self, request: _Request) -> TargetSequence:
        """A sequence with as much of the prompt as is known already."""
        cache = self._prefix_cache
        known = cache.begin(request.params.scope, request.prompt) if cache is not None else None
        if known is None:
            return self._target.start()
        request.cached = known.length
        return known

    def _put_away(self, sequence: TargetSequence, request: _Request) -> None:
        """Keep for later requests what was computed for this one."""
        # The last token was not run yet; tokens confirmed behind the end of the text were run for nothing.
        tokens = [*request.prompt, *request.output][: sequence.length]
        if self._prefix_cache is None or not tokens:
            sequence.close()
            return
        sequence.truncate(len(tokens))
        self._prefix_cache.keep(request.params.scope, tokens, sequence)

    def _prefill(self, sequence: TargetSequence, request: _Request, drafts: DraftSource | None) -> list[int] | None:
        """Run the prompt; the tokens that its last pass confirms, or None when the caller cancelled meanwhile."""
        if drafts is not None:
            drafts.append(request.prompt)
        last = request.cached + (len(request.prompt) - request.cached - 1) // PREFILL_ROWS * PREFILL_ROWS
        for start in range(request.cached, last, PREFILL_ROWS):
            if request.cancelled:
                return None
            sequence.extend(request.prompt[start : start + PREFILL_ROWS], 0)
        return None if request.cancelled else self._pass(sequence, request, request.prompt[last:], drafts)

    def _pass(
        self, sequence: TargetSequence, request: _Request, tokens: list[int], drafts: DraftSource | None
    ) -> list[int]:
        """One forward pass over ``tokens`` and a draft behind them; the tokens it confirms, at least one."""
        # A pass confirms one token more than the draft holds, so a draft that reaches the limit would be waste. More
        # rows than a chunk of a prompt has would cost one pass more.
        limit = min(self._max_rows - 1, request.remaining - 1, max(PREFILL_ROWS, self._max_rows) - len(tokens))
        draft = (drafts.propose(limit, len(tokens)) if drafts is not None else None) or Draft(())
        guesses, kept, own = draft.tokens, sequence.length, len(tokens)
        parents = [*range(-1, own - 1), *(own + guess.parent for guess in draft.guesses)]
        rows = sequence.extend([*tokens, *guesses], 1 + len(guesses), parents)
        # Row 0 is that of the last confirmed token, row i that of guess i - 1.
        verification = verify(draft, lambda index: request.sampler.choose(rows[index]))
        sequence.retain(kept, [*range(own), *(own + index for index in verification.path)])
        request.record.add(draft, verification.path, prompt=not request.output)
        return [*(guesses[index] for index in verification.path), verification.next_token]


class _Request:
    """What one stream has confirmed so far, and whether it is over."""

    def __init__(self, prompt: list[int], params: GenerationParams, tokenizer: Tokenizer, cost: StepCost) -> None:
        self.prompt = prompt
        self.params = params
        self.sampler = Sampler(params.sampling, prompt)
        self.output: list[int] = []
        self.finished: FinishReason | None = None
        self.cached = 0
        self._end_tokens = tokenizer.end_tokens
        self._text = TextStream(tokenizer, params.stop)
        self.record = DraftRecord(cost)
        self._started = time.perf_counter()
        self._first_token: float | None = None
        self._first_tokens = 0

    @property
    def cancelled(self) -> bool:
        return self.params.cancel is not None and self.params.cancel.is_set()

    @property
    def remaining(self) -> int:
        return self.params.max_tokens - len(self.output)

    def confirm(self, tokens: Sequence[int]) -> TokenChunk:
        """Take tokens one by one, up to the first that ends the text: what lies behind it was never said."""
        if self._first_token is None:
            self._first_token = time.perf_counter()
        taken: list[int] = []
        text = ""
        for token in tokens:
            if token in self._end_tokens:
                self.finished = FinishReason.STOP
                break
            taken.append(token)
            text += self._text.feed(token)
            if self._text.stopped:
                self.finished = FinishReason.STOP
                break
            if len(self.output) + len(taken) == self.params.max_tokens:
                self.finished = FinishReason.LENGTH
                break
        if not self.output:
            self._first_tokens = len(taken)
        self.output += taken
        return TokenChunk(tuple(taken), text)

    def end(self) -> Iterator[TokenChunk | GenerationDone]:
        """The text still held back, then the summary."""
        rest = self._text.finish()
        if rest:
            yield TokenChunk((), rest)
        now = time.perf_counter()
        first = self._first_token if self._first_token is not None else now
        record = self.record
        stats = GenerationStats(
            prompt_tokens=len(self.prompt),
            output_tokens=len(self.output),
            steps=record.steps,
            drafted=record.drafted,
            accepted=record.accepted,
            ttft_s=first - self._started,
            decode_s=now - first,
            cached_tokens=self.cached,
            first_tokens=self._first_tokens,
            rows=record.rows,
            draft_s=record.draft_seconds,
            sources=record.sources(),
            speedup=record.speedup(),
        )
        reason = self.finished if self.finished is not None else FinishReason.CANCELLED
        if self._text.stopped:  # also where the last characters came out only now
            reason = FinishReason.STOP
        yield GenerationDone(tuple(self.output), self._text.text, reason, stats, record.copied(len(self.output)))
