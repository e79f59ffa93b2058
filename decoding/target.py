"""The seam to the language model: tokens in, logits out, keys and values kept by sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

import torch

from decoding.attention import AttentionQuery
from decoding.tree import StepTree

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


def check_extension(
    length: int,
    tokens: int,
    logits: int,
    context_length: int,
    parents: Sequence[int] | None = None,
    last: StepTree | None = None,
) -> StepTree:
    """What every `TargetSequence.extend` refuses before any work; returns the step. Numbers in tokens.

    ``last`` is the step that may still be retained. Raises ValueError for rows of logits that the tokens don't have,
    for parents that make no tree and for a tree nobody has cut to a path, `ContextOverflow` for tokens that don't fit.
    """
    if tokens < 1:
        raise ValueError("there are no tokens to run")
    if not 0 <= logits <= tokens:
        raise ValueError(f"{logits} rows of logits were asked for {tokens} tokens")
    if last is not None and not last.is_chain:
        raise ValueError("the last step was a tree: retain one of its paths, or truncate it, before going on")
    step = StepTree.of(length, tokens, parents)
    if length + tokens > context_length:
        raise ContextOverflow(length + tokens, context_length)
    return step


def check_once(sequences: Iterable[TargetSequence]) -> None:
    """What every `TargetModel.extend` refuses. Raises ValueError for a sequence that is there twice."""
    seen: set[int] = set()
    for sequence in sequences:
        if id(sequence) in seen:
            raise ValueError("a sequence can have one part of a pass only")
        seen.add(id(sequence))


def check_truncation(length: int, kept: int, last: StepTree | None = None) -> None:
    """What every `TargetSequence.truncate` refuses. Raises ValueError when ``kept`` tokens are no single text."""
    if not 0 <= kept <= length:
        raise ValueError(f"can't keep {kept} of {length} tokens")
    if last is not None and not last.is_chain and kept > last.start:
        raise ValueError(f"can't keep {kept} tokens: a tree begins at position {last.start}; retain one of its paths")


def check_retention(last: StepTree | None, start: int, path: Sequence[int]) -> None:
    """What every `TargetSequence.retain` refuses. Raises ValueError when ``path`` is none from the last step's root."""
    if last is None or last.start != start:
        where = "there is no step to take it from" if last is None else f"the last step began at {last.start}"
        raise ValueError(f"can't retain tokens from position {start}: {where}")
    parent = -1
    for index in path:
        if not parent < index < len(last.parents) or last.parents[index] != parent:
            raise ValueError(f"{list(path)} is no path from the root: token {index} doesn't follow token {parent}")
        parent = index


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

    def extend(self, tokens: Sequence[int], logits: int, parents: Sequence[int] | None = None) -> torch.Tensor:
        """Run ``tokens`` after those already there; float32 logits of the last ``logits`` rows.

        Shape (logits, vocabulary); row i predicts the token after its own. 0 <= logits <= len(tokens); without any, as
        for all of a long prompt but its end, the last layer is spared most of its work.
        ``parents`` makes the tokens a tree (see `decoding.tree`), None a chain: a token sees the kept ones and its
        own ancestors only, and its position is the kept length plus the number of its ancestors. A tree must be
        cut to one of its paths before the next call. Raises `ContextOverflow` before any work when the tokens do
        not fit, however they branch.
        """
        ...

    def watch(self, query: AttentionQuery) -> bool:
        """Note from now on what ``query`` asks. False, and nothing is noted, where tokens that ask were run already.

        Unless just this was asked of them then: it is known still, as it is in a fork that has them all.
        Raises ValueError for heads that the model does not have.
        """
        ...

    @property
    def attention(self) -> tuple[float, ...]:
        """What was asked last, a share for each span; nothing before all the tokens that ask were run.

        It obeys the law of rows as logits do.
        """
        ...

    def retain(self, start: int, path: Sequence[int]) -> None:
        """Of the last `extend`, which began at position ``start``, keep only the tokens at the indices ``path``.

        They must be a path from the root, ascending (none at all: forget the step), and move together.
        """
        ...

    def truncate(self, length: int) -> None:
        """Forget all tokens from position ``length`` on; not inside a tree. 0 <= length <= self.length."""
        ...

    def fork(self, length: int) -> TargetSequence:
        """A new sequence that begins with this one's first ``length`` tokens; neither feels the other afterwards.

        What is computed on top has the same bits as if the new sequence had run those tokens itself.
        """
        ...

    def close(self) -> None:
        """Give back what the sequence holds; it can't be used afterwards. A second call does nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Extension:
    """One sequence's part of a pass; see `TargetSequence.extend`."""

    sequence: TargetSequence
    tokens: Sequence[int]
    logits: int
    parents: Sequence[int] | None = None


class TargetModel(Protocol):
    """Law: a row's logits are a function of its own sequence's tokens up to and with its own alone.

    So a token of a tree has the logits that its path has as a chain, and a sequence that shares a pass with others has
    those that it has alone. Exact targets hold it bit for bit; the general one up to ties of its number format.
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

    def extend(self, extensions: Sequence[Extension]) -> list[torch.Tensor]:
        """One pass over several sequences, each of them once; what `TargetSequence.extend` returns for each.

        Raises what that raises before any work.
        """
        ...

    def bytes_for(self, tokens: int) -> int:
        """Memory that a sequence of so many tokens holds at most."""
        ...
