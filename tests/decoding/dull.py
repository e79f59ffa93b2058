"""A draft model that is right as often as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import torch

from decoding.target import Extension
from tests.fakes.target import HashTarget


class Dull(HashTarget):
    """Has the logits of ``of``, but for a share of texts those of another text; counts passes and their rows.

    ``sure`` is a factor on all of them.
    """

    def __init__(self, of: HashTarget, right: float, context_length: int | None = None, sure: float = 1.0) -> None:
        super().__init__(of.vocabulary, context_length or of.context_length)
        self._of = of
        self._right = right
        self._sure = sure
        self.passes = 0
        self.rows: list[int] = []

    def extend(self, extensions: Sequence[Extension]) -> list[torch.Tensor]:
        self.passes += 1
        self.rows.append(sum(len(extension.tokens) for extension in extensions))
        return super().extend(extensions)

    def row(self, tokens: Sequence[int]) -> torch.Tensor:
        chance = blake2b(repr(tuple(tokens)).encode(), digest_size=1).digest()[0] / 256
        return self._sure * self._of.row(tokens if chance < self._right else [*tokens, 1])
