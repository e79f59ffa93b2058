"""The numbers that define a model of the Llama family."""

from __future__ import annotations

from dataclasses import dataclass


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
        if self.heads % self.key_heads:
            raise ValueError(f"{self.heads} query heads can't share {self.key_heads} key heads evenly")

    @property
    def group(self) -> int:
        """Query heads per key head."""
        return self.heads // self.key_heads

    @property
    def query_width(self) -> int:
        """Columns of all queries together."""
        return self.heads * self.head_width

    @property
    def key_width(self) -> int:
        """Columns of all keys together; the values have as many."""
        return self.key_heads * self.head_width
