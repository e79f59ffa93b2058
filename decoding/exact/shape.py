"""The numbers that define a model of the Llama family."""

from __future__ import annotations

from dataclasses import dataclass


class UnsupportedModel(ValueError):
    """A file that this engine can't run; the message names what it found and what it supports."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes in elements; ``context_length`` in tokens. Query heads come in groups that share one key head."""

    vocabulary: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_heads: int
    head_width: int
    norm_epsilon: float
    rope_base: float
    context_length: int

    def __post_init__(self) -> None:
        """Raises `UnsupportedModel` for sizes that the kernels' vectors don't divide."""
        if self.heads % self.key_heads:
            raise UnsupportedModel(f"{self.heads} query heads can't share {self.key_heads} key heads evenly")
        for name, size, unit in (
            ("head width", self.head_width, 32),
            ("hidden size", self.hidden, 32),
            ("intermediate size", self.intermediate, 16),
        ):
            if size <= 0 or size % unit:
                raise UnsupportedModel(f"the {name} is {size}; supported are multiples of {unit}")

    @property
    def query_width(self) -> int:
        """Columns of all queries together."""
        return self.heads * self.head_width

    @property
    def key_width(self) -> int:
        """Columns of all keys together; the values have as many."""
        return self.key_heads * self.head_width
