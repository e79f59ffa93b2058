"""A target without a model: its logits are a hash of the tokens so far."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import torch

from decoding.target import ContextOverflow


class HashTarget:
    """Obeys the law of rows by construction.

    The likeliest next token depends on the last ``memory`` tokens only, so that its text repeats itself and can be
    drafted; ``open_sequences`` counts those that nobody closed.
    """

    def __init__(self, vocabulary: int = 64, context_length: int = 64, memory: int = 40, salt: int = 0) -> None:
        self.name = "hash"
        self.vocabulary = vocabulary
        self.context_length = context_length
        self.open_sequences = 0
        self._memory = memory
        self._salt = salt

    def start(self) -> HashSequence:
        self.open_sequences += 1
        return HashSequence(self)

    def row(self, tokens: Sequence[int]) -> torch.Tensor:
        """Logits after ``tokens``."""
        seed = repr((self._salt, tuple(tokens[-self._memory :]))).encode()
        generator = torch.Generator().manual_seed(int.from_bytes(blake2b(seed, digest_size=7).digest()))
        return torch.randn(self.vocabulary, generator=generator)


class HashSequence:
    """The tokens of one sequence."""

    def __init__(self, target: HashTarget) -> None:
        self._target = target
        self._tokens: list[int] = []
        self._closed = False

    @property
    def length(self) -> int:
        return len(self._tokens)

    @property
    def bytes(self) -> int:
        return 8 * len(self._tokens)

    def extend(self, tokens: Sequence[int], logits: int) -> torch.Tensor:
        if not 1 <= logits <= len(tokens):
            raise ValueError(f"{logits} rows of logits were asked for {len(tokens)} tokens")
        if len(self._tokens) + len(tokens) > self._target.context_length:
            raise ContextOverflow(len(self._tokens) + len(tokens), self._target.context_length)
        self._tokens += tokens
        ends = range(len(self._tokens) - logits + 1, len(self._tokens) + 1)
        return torch.stack([self._target.row(self._tokens[:end]) for end in ends])

    def truncate(self, length: int) -> None:
        if not 0 <= length <= len(self._tokens):
            raise ValueError(f"can't keep {length} of {len(self._tokens)} tokens")
        del self._tokens[length:]

    def fork(self, length: int) -> HashSequence:
        if not 0 <= length <= len(self._tokens):
            raise ValueError(f"can't keep {length} of {len(self._tokens)} tokens")
        forked = self._target.start()
        forked._tokens = self._tokens[:length]
        return forked

    def close(self) -> None:
        if not self._closed:
            self._target.open_sequences -= 1
        self._closed = True
        self._tokens = []
