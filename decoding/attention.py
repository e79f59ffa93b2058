"""Where a prompt's tokens look: how much of their attention goes to given parts of what stands before them.

Some heads of a language model look for what answers a question (Wu et al. 2024, arXiv:2404.15574), so what a question
attends to tells where its answer may stand, and whether it stands anywhere (Chen et al. 2024, arXiv:2410.02642).
"""

from __future__ import annotations

from dataclasses import dataclass

Head = tuple[int, int]
"""A layer of a model, from 0, and a query head of it, from 0."""


@dataclass(frozen=True, slots=True)
class AttentionQuery:
    """Asks what share of the attention of the tokens ``start`` up to ``end`` goes to each of ``spans``.

    Positions in tokens; ``spans`` are ranges (begin, end) that end at ``start`` or before. A share, between 0 and 1, is
    the sum of the weights after the softmax, averaged over the asking tokens and ``heads``.

    Raises ValueError for tokens or spans that are none, and without heads.
    """

    start: int
    end: int
    spans: tuple[tuple[int, int], ...]
    heads: tuple[Head, ...]

    def __post_init__(self) -> None:
        if not 0 < self.start < self.end:
            raise ValueError(f"tokens {self.start} to {self.end} can't ask: there must be one, and one before it")
        for begin, end in self.spans:
            if not 0 <= begin < end <= self.start:
                raise ValueError(f"tokens {begin} to {end} are no span before token {self.start}")
        if not self.heads:
            raise ValueError("at least one head must be asked")


def check_heads(query: AttentionQuery, layers: int, heads: int) -> None:
    """What every `decoding.target.TargetSequence.watch` refuses, for a model of so many ``layers`` and ``heads``.

    Raises ValueError for heads that the model does not have. The last layer has none: most of its rows are left out.
    """
    for layer, head in query.heads:
        if not (0 <= layer < layers - 1 and 0 <= head < heads):
            raise ValueError(
                f"there is no head {head} to watch in layer {layer}: "
                f"the model has {heads} in each of the layers 0 to {layers - 2}"
            )
