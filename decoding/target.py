"""The seam to the language model: tokens in, logits out, keys and values kept by sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NewType, Protocol

import torch

TokenId = NewType("TokenId", int)


class ContextOverflow(ValueError):
    """More tokens than the model's context holds; both numbers are in the message."""

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(
            f"{needed} tokens do not fit into the model's context of {available}; "
            "shorten the prompt or ask for fewer tokens"
        )
        self.needed = needed
        self.available = available


def check_extension(length: int, tokens: int, logits: int, context_length: int) -> None:
    """What every `TargetSequence.extend` refuses before any work; all arguments in tokens.

    Raises ValueError for rows of logits that the tokens don't have, `ContextOverflow` for tokens that don't fit.
    """
    if not 1 <= logits <= tokens:
        raise ValueError(f"{logits} rows of logits were asked for {tokens} tokens")
    if length + tokens > context_length:
        raise ContextOverflow(length + tokens, context_length)


def check_truncation(length: int, kept: int) -> None:
    """What every `TargetSequence.truncate` and `fork` refuses. Raises ValueError when ``kept`` tokens are not there."""
    if not 0 <= kept <= length:
        raise ValueError(f"can't keep {kept} of {length} tokens")


class TargetSequence(Protocol):
    """One sequence's tokens as far as their keys and values are computed."""

    @property
    def length(self) -> int:
        """Tokens whose keys and values are kept."""
        ...

    @property
    def bytes(self) -> int:
        """Memory that the sequence holds; 0 once it is closed."""
        ...

    def extend(self, tokens: Sequence[int], logits: int) -> torch.Tensor:
        """Run ``tokens`` after those already there; float32 logits of the last ``logits`` rows.

        Shape (logits, vocabulary); row i predicts the token after its own. 1 <= logits <= len(tokens).
        Raises `ContextOverflow` before any work when the tokens do not fit.
        """
        ...

    def truncate(self, length: int) -> None:
        """Forget all tokens from position ``length`` on. 0 <= length <= self.length."""
        ...

    def fork(self, length: int) -> TargetSequence:
        """A new sequence that begins with this one's first ``length`` tokens; neither feels the other afterwards.

        What is computed on top has the same bits as if the new sequence had run those tokens itself.
        """
        ...

    def close(self) -> None:
        """Give back what the sequence holds; it can't be used afterwards. A second call does nothing."""
        ...


class TargetModel(Protocol):
    """Law: a row's logits are a function of its own sequence's tokens up to and with its own alone.

    Exact targets hold it bit for bit; the general one up to ties of its number format.
    """

    @property
    def name(self) -> str:
        """The catalogue's name for the model."""
        ...

    @property
    def vocabulary(self) -> int:
        """Width of a row of logits."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens that one sequence can hold."""
        ...

    def start(self) -> TargetSequence:
        """A new, empty sequence."""
        ...
