"""The main path of the decoder: draft for all streams, run the target once over all of it, keep what it confirms.

Requests join and leave at every pass (continuous batching: Yu et al. 2022, Orca). A row's logits depend on its own
sequence alone, so sharing passes changes nobody's answer. `Batch.step` reads from top to bottom.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import torch

from decoding.draft import Draft, Drafter
from decoding.drafting.allotment import allot, price
from decoding.drafting.step_cost import StepCost
from decoding.load import Load
from decoding.prefix_cache import PrefixCache, common
from decoding.request import Request
from decoding.schedule import PREFILL_ROWS, Part, Schedule
from decoding.target import Extension, TargetModel
from decoding.verification import verify


class Batch:
    """The requests in flight. `add` may be called by any thread, everything else by one at a time.

    ``max_rows`` bounds the rows of one request in a pass that are not its prompt's: the last confirmed token and at
    most ``max_rows - 1`` guesses. ``memory_bytes`` bounds keys and values, see `Schedule`. ``drafter`` is what made the
    requests' draft sources.
    """

    def __init__(
        self,
        target: TargetModel,
        max_rows: int,
        memory_bytes: int,
        cost: StepCost,
        prefix_cache: PrefixCache | None,
        drafter: Drafter | None = None,
    ) -> None:
        self._drafter = drafter
        self._target = target
        self._max_rows = max_rows
        self._cost = cost
        self._prefix_cache = prefix_cache
        self._arrived: deque[Request] = deque()
        self._memory_bytes = memory_bytes
        self._passes: dict[int, int] = {}
        self._prompt_rows = self._stream_rows = self._draft_rows = 0
        self._schedule = Schedule(target.bytes_for, memory_bytes, cost, max_rows, self._begin, self._put_away)

    def __len__(self) -> int:
        """Requests that are not over."""
        return len(self._arrived) + len(self._schedule)

    @property
    def load(self) -> Load:
        """What it is at; any thread may ask at any time."""
        begun = len(self._schedule.begun)
        return Load(
            passes=self._passes.copy(),  # in one piece, whoever steps meanwhile
            prompt_rows=self._prompt_rows,
            stream_rows=self._stream_rows,
            draft_rows=self._draft_rows,
            sequences=begun,
            waiting=max(0, len(self) - begun),
            preemptions=self._schedule.preemptions,
            memory_bytes=self._schedule.held_bytes,
            limit_bytes=self._memory_bytes,
        )

    def add(self, request: Request) -> None:
        """Take part in the next pass."""
        self._arrived.append(request)

    def step(self) -> None:
        """One pass of the target over all requests that have a place in it."""
        self.dismiss()
        parts = self._schedule.parts()
        if not parts:
            return
        try:
            drafts = self._draft(parts)
            rows = self._target.extend([_extension(part, draft) for part, draft in zip(parts, drafts, strict=True)])
        except BaseException as error:
            for part in parts:  # nobody knows how far each of them came
                self._fail(part.request, error)
            if not isinstance(error, Exception):
                raise
            return
        self._count(parts, drafts)
        for part, draft, logits in zip(parts, drafts, rows, strict=True):
            try:
                self._verify(part, draft, logits)
            except Exception as error:
                self._fail(part.request, error)
        self.dismiss()

    def dismiss(self) -> None:
        """See who came, and let go whose text is over."""
        while self._arrived:
            self._schedule.add(self._arrived.popleft())
        for request in [request for request in self._schedule if request.over]:
            request.end()
            self._leave(request)

    def _draft(self, parts: Sequence[Part]) -> list[Draft]:
        """Guesses behind each part that tells a token: those that make the whole pass worth the most."""
        started = time.perf_counter()
        telling = [part for part in parts if part.tells]
        rows = sum(part.tokens for part in parts)
        if len(telling) > 1 and rows > len(telling):
            # Beside prompts a row costs what a product costs, not what reading the weights costs. Streams that ride
            # along get their tokens at that price, and no guess is right often enough to be cheaper.
            return [Draft(())] * len(parts)
        # A pass confirms one token more than the draft holds, so a draft that reaches the limit would be waste.
        limits = [min(self._max_rows, part.request.remaining) - 1 for part in telling]
        if self._drafter is not None and rows == len(telling):
            drawing = [(part.request.drafts, limit) for part, limit in zip(telling, limits, strict=True)]
            known = [(drafts, limit) for drafts, limit in drawing if drafts is not None]
            self._drafter.prepare([drafts for drafts, _ in known], [limit for _, limit in known])
        proposals = [part.request.drafts.propose(part.tokens) if part.request.drafts else None for part in telling]
        room = max(PREFILL_ROWS, self._max_rows) - rows
        found = allot(proposals, limits, room, price(self._cost, rows, len(telling)), len(telling))
        share = (time.perf_counter() - started) / max(1, len(telling))
        drafts = iter(found)
        return [replace(next(drafts), seconds=share) if part.tells else Draft(()) for part in parts]

    def _count(self, parts: Sequence[Part], drafts: Sequence[Draft]) -> None:
        own = sum(part.tokens for part in parts)
        streams = sum(part.tokens == 1 for part in parts)
        guesses = sum(len(draft.tokens) for draft in drafts)
        self._passes[own + guesses] = self._passes.get(own + guesses, 0) + 1
        self._prompt_rows += own - streams
        self._stream_rows += streams
        self._draft_rows += guesses

    def _verify(self, part: Part, draft: Draft, logits: torch.Tensor) -> None:
        """Keep what the target confirms, at least one token, where the part tells any."""
        request, sequence = part.request, part.request.sequence
        assert sequence is not None
        if not logits.shape[0]:
            return
        # Row 0 is that of the last confirmed token, row i that of guess i - 1.
        verification = verify(draft, lambda index: self._choose(request, draft, index, logits[index]))
        start = sequence.length - part.tokens - len(draft.guesses)
        sequence.retain(start, [*range(part.tokens), *(part.tokens + index for index in verification.path)])
        guesses = draft.tokens
        confirmed = [*(guesses[at] for at in verification.path), verification.next_token]
        request.choose(draft, verification.path, confirmed, logits[0])

    @staticmethod
    def _choose(request: Request, draft: Draft, index: int, logits: torch.Tensor) -> int:
        """The token after row ``index``. A guess that was drawn at random has a right to be accepted."""
        for token, guess in draft.children(index - 1).items():
            drawn_from = draft.guesses[guess].drawn_from
            if drawn_from is not None:
                return request.sampler.accept(logits, token, drawn_from)
        return request.sampler.choose(logits)

    def _begin(self, request: Request) -> None:
        """A sequence with as much of the request as is known already, from earlier requests or from those in flight."""
        scope, tokens = request.params.scope, request.tokens
        best = self._prefix_cache.begin(scope, tokens) if self._prefix_cache is not None else None
        length = best.length if best is not None else 0
        for other in self._schedule.begun if self._prefix_cache is not None else ():
            if other.params.scope != scope or other.sequence is None:
                continue
            shared = min(common(other.tokens, tokens), other.computed, len(tokens) - 1)
            if shared > length:
                if best is not None:
                    best.close()
                best, length = other.sequence.fork(shared), shared
        request.begin(best if best is not None else self._target.start())

    def _put_away(self, request: Request) -> None:
        """Keep for later requests what was computed for this one, and give back its memory."""
        if request.drafts is not None:
            request.drafts.release()
        sequence = request.sequence
        if sequence is None:
            return
        request.sequence = None
        # The last token was not run yet; tokens confirmed behind the end of the text were run for nothing.
        tokens = request.tokens[: sequence.length]
        if self._prefix_cache is None or not tokens:
            sequence.close()
            return
        sequence.truncate(len(tokens))
        self._prefix_cache.keep(request.params.scope, tokens, sequence)

    def _leave(self, request: Request) -> None:
        try:
            self._put_away(request)
        finally:
            self._schedule.discard(request)
            if request.drafts is not None:
                request.drafts.close()

    def _fail(self, request: Request, error: BaseException) -> None:
        """The request ends with an error; what it holds may be nonsense, from which no other shall begin."""
        if request.sequence is not None:
            request.sequence.close()
            request.sequence = None
        request.news.append(error if isinstance(error, Exception) else RuntimeError("generation was interrupted"))
        self._leave(request)


def _extension(part: Part, draft: Draft) -> Extension:
    """The part's pending tokens, and behind them the draft."""
    request, own = part.request, part.tokens
    assert request.sequence is not None
    tokens = [*request.tokens[request.computed : request.computed + own], *draft.tokens]
    parents = [*range(-1, own - 1), *(own + guess.parent for guess in draft.guesses)]
    return Extension(request.sequence, tokens, 1 + len(draft.guesses) if part.tells else 0, parents)
