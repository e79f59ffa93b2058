"""The numbers that define an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from decoding.exact.shape import UnsupportedModel

LONGEST = 512
"""Tokens of a text that the kernels have room for."""


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes in elements; ``longest`` in tokens, special ones included."""

    vocabulary: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    longest: int
    norm_epsilon: float

    def __post_init__(self) -> None:
        """Raises `UnsupportedModel` for sizes that the kernels' vectors don't divide."""
        for name, size, unit in (
            ("hidden size", self.hidden, lcm(64, 32 * self.heads)),
            ("intermediate size", self.intermediate, 64),
            ("longest text", self.longest, 16),
        ):
            if size <= 0 or size % unit:
                raise UnsupportedModel(f"the {name} is {size}; supported are multiples of {unit}")
        if self.longest > LONGEST:
            raise UnsupportedModel(f"texts of {self.longest} tokens; supported are {LONGEST}")
