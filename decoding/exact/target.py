"""The exact target behind the seam."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from decoding.exact import compiler
from decoding.exact.kernels import MAX_ROWS, ROW, Kernels
from decoding.exact.layout import PackedMatrix
from decoding.exact.loading import load
from decoding.exact.pages import PagePool, PageTable
from decoding.exact.shape import Shape
from decoding.target import check_extension, check_retention, check_truncation
from decoding.tree import StepTree


class ExactTarget:
    """Obeys the law of rows bit for bit."""

    def __init__(self, name: str, shape: Shape, kernels: Kernels, embedding: PackedMatrix, context_length: int) -> None:
        self._name = name
        self._shape = shape
        self._kernels = kernels
        self._embedding = embedding
        self._context_length = context_length
        self._pool = PagePool(shape)

    @classmethod
    def load(cls, folder: Path, name: str, context_length: int, cache: Path) -> ExactTarget:
        """Load a packed ``folder``. ``context_length`` bounds what the model itself allows (tokens).

        Compiled kernels are kept in ``cache``. Raises ValueError for a folder that can't be loaded,
        `decoding.exact.compiler.CompilationFailed`, and MemoryError.
        """
        shape, weights, embedding = load(folder)
        context_length = min(context_length, shape.context_length)
        library = compiler.library(cache)
        kernels = Kernels(library, shape, weights, context_length, torch.get_num_threads())
        return cls(name, shape, kernels, embedding, context_length)

    @property
    def name(self) -> str:
        """The catalogue's name for the model."""
        return self._name

    @property
    def vocabulary(self) -> int:
        """Width of a row of logits."""
        return self._shape.vocabulary

    @property
    def context_length(self) -> int:
        """Tokens that one sequence can hold."""
        return self._context_length

    @property
    def used_bytes(self) -> int:
        """Memory of all sequences' keys and values, shared pages counted once."""
        return self._pool.used_bytes

    def start(self) -> ExactSequence:
        """A new, empty sequence."""
        return ExactSequence(self, PageTable(self._pool), 0)

    def run(self, tokens: Sequence[int], step: StepTree, table: PageTable, logits: int) -> torch.Tensor:
        """One step of one sequence, whose pages are reserved; float32 logits of the last ``logits`` rows."""
        ids = np.array(tokens, np.int64)
        rows, others = _rows(step)
        rows["pages"] = table.addresses.ctypes.data
        rows["others"] += np.uint64(others.ctypes.data)
        pieces: list[torch.Tensor] = []
        for start in range(0, len(ids), MAX_ROWS):
            end = min(start + MAX_ROWS, len(ids))
            embedded = self._embedding.rows(ids[start:end], self._shape.hidden)
            piece = rows[start:end]
            piece["embedding"] = embedded.ctypes.data + np.arange(end - start, dtype=np.uint64) * np.uint64(
                embedded.strides[0]
            )
            wanted = range(max(0, len(ids) - logits - start), end - start)
            pieces.append(self._kernels.forward(piece, wanted))
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def move(self, table: PageTable, start: int, path: Sequence[int]) -> None:
        """Move the tokens at ``start`` + path[i] to ``start`` + i."""
        self._kernels.move(table.addresses, start, path)


class ExactSequence:
    """One sequence's keys and values."""

    def __init__(self, target: ExactTarget, table: PageTable, length: int) -> None:
        self._target = target
        self._table = table
        self._length = length
        self._last: StepTree | None = None
        self._closed = False

    @property
    def length(self) -> int:
        """Tokens whose keys and values are kept."""
        return self._length

    @property
    def bytes(self) -> int:
        """Memory of keys and values; pages that another sequence shares are counted for both."""
        return self._table.bytes

    def extend(self, tokens: Sequence[int], logits: int, parents: Sequence[int] | None = None) -> torch.Tensor:
        """Run ``tokens``; float32 logits of shape (logits, vocabulary)."""
        if self._closed:
            raise ValueError("the sequence is closed")
        step = check_extension(self._length, len(tokens), logits, self._target.context_length, parents, self._last)
        if not all(0 <= token < self._target.vocabulary for token in tokens):
            raise ValueError(f"token ids must be between 0 and {self._target.vocabulary - 1}")
        self._table.reserve(self._length, self._length + len(tokens))
        rows = self._target.run(tokens, step, self._table, logits)
        self._length += len(tokens)
        self._last = step
        return rows

    def retain(self, start: int, path: Sequence[int]) -> None:
        """Keep one path of the last step."""
        check_retention(self._last, start, path)
        self._target.move(self._table, start, path)
        self._forget(start + len(path))

    def truncate(self, length: int) -> None:
        """Forget all tokens from position ``length`` on."""
        check_truncation(self._length, length, self._last)
        self._forget(length)

    def fork(self, length: int) -> ExactSequence:
        """A sequence that shares the pages of the first ``length`` tokens until either writes into one."""
        check_truncation(self._length, length, self._last)
        return ExactSequence(self._target, self._table.fork(length), length)

    def close(self) -> None:
        """Give back the memory of keys and values."""
        self._closed = True
        self._forget(0)

    def _forget(self, length: int) -> None:
        self._table.truncate(length)
        self._length = length
        self._last = None


def _rows(step: StepTree) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int32]]:
    """Where the rows of a step are and what they see; ``others`` are offsets into the second array, in bytes.

    A row sees the slots from 0 on as far as its path goes through neighbours, then the rest of its path.
    """
    start, count = step.start, len(step.parents)
    rows = np.zeros(count, ROW)
    rows["slot"] = start + np.arange(count)
    if step.is_chain:
        rows["position"] = rows["slot"]
        rows["shared"] = rows["slot"] + 1
        return rows, np.zeros(1, np.int32)
    others: list[int] = []
    offsets: list[int] = []
    runs: list[int] = []
    rests: list[list[int]] = []
    for index, parent in enumerate(step.parents):
        run, rest = (runs[parent], rests[parent]) if parent >= 0 else (0, [])
        if not rest and run == index:
            run += 1
        else:
            rest = [*rest, index]
        runs.append(run)
        rests.append(rest)
        offsets.append(4 * len(others))
        others += [start + slot for slot in rest]
    counts = np.array([len(rest) for rest in rests])
    rows["shared"] = start + np.array(runs)
    rows["position"] = rows["shared"] + counts - 1
    rows["others"] = offsets
    rows["other_count"] = counts
    return rows, np.array(others or [0], np.int32)
