"""The exact target behind the seam."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from decoding.int8.model import KeyValues, Model
from decoding.target import check_extension, check_retention, check_truncation
from decoding.tree import StepTree


class Int8Target:
    """Obeys the law of rows bit for bit. ``context_length`` bounds what the model itself allows (tokens)."""

    def __init__(self, model: Model, name: str, context_length: int) -> None:
        self._model = model
        self._name = name
        self._context_length = min(context_length, model.shape.context_length)

    @property
    def name(self) -> str:
        """The catalogue's name for the model."""
        return self._name

    @property
    def vocabulary(self) -> int:
        """Width of a row of logits."""
        return self._model.shape.vocabulary

    @property
    def context_length(self) -> int:
        """Tokens that one sequence can hold."""
        return self._context_length

    def start(self) -> Int8Sequence:
        """A new, empty sequence."""
        return Int8Sequence(self._model, self._context_length)


class Int8Sequence:
    """One sequence's keys and values."""

    def __init__(self, model: Model, context_length: int) -> None:
        self._model = model
        self._context_length = context_length
        self._kept: KeyValues | None = KeyValues(model.shape)
        self._length = 0
        self._last: StepTree | None = None

    @property
    def bytes(self) -> int:
        """Memory of keys and values."""
        return self._kept.bytes if self._kept is not None else 0

    @property
    def length(self) -> int:
        """Tokens whose keys and values are kept."""
        return self._length

    @torch.inference_mode()
    def extend(self, tokens: Sequence[int], logits: int, parents: Sequence[int] | None = None) -> torch.Tensor:
        """Run ``tokens``; float32 logits of shape (logits, vocabulary)."""
        if self._kept is None:
            raise ValueError("the sequence is closed")
        step = check_extension(self._length, len(tokens), logits, self._context_length, parents, self._last)
        rows = self._model.forward(torch.tensor(tokens, dtype=torch.long), step, self._kept, logits)
        self._length += len(tokens)
        self._last = step
        return rows

    @torch.inference_mode()
    def retain(self, start: int, path: Sequence[int]) -> None:
        """Keep a path of the last step; the places behind it are written over later."""
        check_retention(self._last, start, path)
        if self._kept is not None:
            self._kept.move([start + index for index in path], start)
        self._length = start + len(path)
        self._last = None

    def truncate(self, length: int) -> None:
        """Forget all tokens from position ``length`` on; their places are written over later."""
        check_truncation(self._length, length, self._last)
        self._length = length
        self._last = None

    @torch.inference_mode()
    def fork(self, length: int) -> Int8Sequence:
        """A new sequence with copies of the first ``length`` tokens' keys and values."""
        check_truncation(self._length, length, self._last)
        forked = Int8Sequence(self._model, self._context_length)
        if length:
            assert self._kept is not None
            assert forked._kept is not None
            forked._kept.copy(self._kept, length)
            forked._length = length
        return forked

    def close(self) -> None:
        """Give back the memory of keys and values."""
        self._kept = None
        self._length = 0
        self._last = None
