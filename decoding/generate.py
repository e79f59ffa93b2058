"""The decoder as its callers see it: one stream each, however many share the passes of the target.

There is no thread that works for all: whoever waits for his next tokens runs the next pass, for everybody.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from decoding.batch import Batch
from decoding.draft import Drafter
from decoding.drafting.step_cost import DEFAULT_COST, StepCost
from decoding.generator import GenerationDone, GenerationParams, TokenChunk, Tokenizer
from decoding.load import Load
from decoding.prefix_cache import PrefixCache
from decoding.request import Request
from decoding.target import ContextOverflow, TargetModel

DEFAULT_MEMORY_BYTES = 1 << 30
_NO_TURN = nullcontext()


class SpeculativeGenerator:
    """Generates with one target and, for each request, a draft source that ``drafting`` makes for its parameters.

    With a ``prefix_cache`` a prompt's beginning that another request of the same scope computed is not computed
    again; on exact targets that changes no bit.

    It is safe to run many streams at once, each in a thread of its own. Their keys and values take ``memory_bytes`` at
    most (one stream is always run); what does not fit waits. ``max_rows`` bounds the tokens of one stream in a pass:
    the last confirmed one and at most ``max_rows - 1`` guesses. ``cost`` is what passes take. A pass is run within
    ``turn``, where something else wants the cores at times.
    """

    def __init__(
        self,
        target: TargetModel,
        tokenizer: Tokenizer,
        drafting: Drafter | None,
        max_rows: int = 32,
        prefix_cache: PrefixCache | None = None,
        cost: StepCost = DEFAULT_COST,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        turn: AbstractContextManager[object] = _NO_TURN,
    ) -> None:
        if max_rows < 1:
            raise ValueError(f"max_rows must be at least 1, not {max_rows}")
        self._target = target
        self._tokenizer = tokenizer
        self._drafting = drafting
        self._cost = cost
        self._batch = Batch(target, max_rows, memory_bytes, cost, prefix_cache, drafting)
        self._turn = turn
        self._change = threading.Condition()
        self._stepping = False

    @property
    def context_length(self) -> int:
        """Tokens that prompt and output together may have."""
        return self._target.context_length

    @property
    def load(self) -> Load:
        """How full passes and memory are."""
        return self._batch.load

    def generate(self, prompt: Sequence[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
        """Stream the continuation of ``prompt``; the last item is the only `GenerationDone`.

        Raises `ContextOverflow` before any work, ValueError for an empty prompt and for token ids that the model
        does not have, and while streaming `decoding.sampling.InvalidLogits` when the model computes nonsense.
        """
        if not prompt:
            raise ValueError("the prompt is empty: there is nothing to continue")
        if len(prompt) + params.max_tokens > self._target.context_length:
            raise ContextOverflow(len(prompt) + params.max_tokens, self._target.context_length)
        if params.attention is not None and params.attention.end > len(prompt):
            raise ValueError(f"token {params.attention.end - 1} is to be watched; the prompt has {len(prompt)}")
        self._check_tokens("the prompt", prompt)
        self._check_tokens("logit_bias", [token for token, _ in params.sampling.logit_bias])
        self._check_tokens("options", params.options)
        return self._stream(prompt, params)

    def _check_tokens(self, where: str, tokens: Sequence[int]) -> None:
        for token in (min(tokens, default=0), max(tokens, default=0)):
            if not 0 <= token < self._target.vocabulary:
                raise ValueError(f"{where} holds token {token}; the model's ids end at {self._target.vocabulary - 1}")

    def _stream(self, prompt: Sequence[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
        drafts = self._drafting(params) if self._drafting is not None else None
        request = Request(prompt, params, self._tokenizer, drafts, self._cost)
        self._batch.add(request)
        try:
            while True:
                item = self._next(request)
                yield item
                if isinstance(item, GenerationDone):
                    return
        finally:
            self._leave(request)

    def _next(self, request: Request) -> TokenChunk | GenerationDone:
        """The next of the request's news; who finds none, and nobody at work, makes them."""
        while not request.news:
            with self._change:
                if self._stepping:
                    self._change.wait()
                    continue
                self._stepping = True
            try:
                with self._turn:
                    self._batch.step()
            finally:
                with self._change:
                    self._stepping = False
                    self._change.notify_all()
        news = request.news.popleft()
        if isinstance(news, Exception):
            raise news
        return news

    def _leave(self, request: Request) -> None:
        """The stream is read no further; if it is not over, whoever steps lets it go, and else it goes now."""
        with self._change:
            request.left = True
            if not self._stepping:
                self._batch.dismiss()
