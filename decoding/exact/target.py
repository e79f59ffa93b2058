"""The exact target behind the seam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from decoding.attention import AttentionQuery, check_heads
from decoding.exact import compiler
from decoding.exact.kernels import MAX_ROWS, ROW, Kernels
from decoding.exact.layout import PackedMatrix
from decoding.exact.loading import load
from decoding.exact.pages import PAGE, PagePool, PageTable
from decoding.exact.shape import Shape
from decoding.exact.watching import Watching
from decoding.target import Extension, check_extension, check_once, check_retention, check_truncation
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
        `decoding.exact.compiler.KernelsUnavailable`, and MemoryError.
        """
        library = compiler.library(cache)
        compiler.opened(library)  # before gigabytes are read for nothing
        shape, weights, embedding = load(folder)
        context_length = min(context_length, shape.context_length)
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

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that every pass reads."""
        return self._kernels.weight_bytes

    def read_weights(self) -> float:
        """Seconds that reading them takes, and nothing else: no pass can take less."""
        return self._kernels.read_weights()

    def start(self) -> ExactSequence:
        """A new, empty sequence."""
        return ExactSequence(self, PageTable(self._pool), 0)

    def extend(self, extensions: Sequence[Extension]) -> list[torch.Tensor]:
        """One pass over several sequences; a kernel call takes up to `MAX_ROWS` of its rows."""
        parts = [self._part(extension) for extension in extensions]
        check_once(part.sequence for part in parts)
        for part in parts:
            part.sequence.reserve(len(part.tokens))
        tables: list[npt.NDArray[np.int32]] = []  # what the rows point into must outlive the calls
        rows = np.zeros(sum(len(part.tokens) for part in parts), ROW)
        wanted: list[int] = []
        start = 0
        for index, part in enumerate(parts):
            end = start + len(part.tokens)
            piece = rows[start:end]
            tables.append(_fill(piece, part.step))
            piece["pages"] = part.sequence.addresses
            piece["sequence"] = index
            part.sequence.watch_over(piece)
            wanted += range(end - part.logits, end)
            start = end
        logits = self._run(np.concatenate([part.tokens for part in parts]), rows, wanted)
        for part in parts:
            part.sequence.extended(part.step)
        return list(torch.split(logits, [part.logits for part in parts]))

    def bytes_for(self, tokens: int) -> int:
        """Whole pages."""
        return -(-tokens // PAGE) * self._pool.page_bytes

    def _part(self, extension: Extension) -> _Part:
        """Checked before any work."""
        sequence, tokens = extension.sequence, np.array(extension.tokens, np.int64)
        if not isinstance(sequence, ExactSequence):
            raise TypeError(f"the exact target can't extend a {type(sequence).__name__}")
        step = sequence.check(len(tokens), extension.logits, extension.parents)
        if int(tokens.min()) < 0 or int(tokens.max()) >= self.vocabulary:
            raise ValueError(f"token ids must be between 0 and {self.vocabulary - 1}")
        return _Part(sequence, tokens, step, extension.logits)

    def _run(self, tokens: npt.NDArray[np.int64], rows: npt.NDArray[np.void], wanted: Sequence[int]) -> torch.Tensor:
        pieces: list[torch.Tensor] = []
        for start in range(0, len(tokens), MAX_ROWS):
            end = min(start + MAX_ROWS, len(tokens))
            embedded = self._embedding.rows(tokens[start:end], self._shape.hidden)
            piece = rows[start:end]
            piece["embedding"] = embedded.ctypes.data + np.arange(end - start, dtype=np.uint64) * np.uint64(
                embedded.strides[0]
            )
            pieces.append(self._kernels.forward(piece, [index - start for index in wanted if start <= index < end]))
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def watching(self, query: AttentionQuery) -> Watching:
        """Memory for what ``query`` asks. Raises ValueError for heads that are not there."""
        check_heads(query, self._shape.layers, self._shape.heads)
        return Watching(query, self._shape.heads)

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
        self._watching: Watching | None = None
        self._closed = False

    @property
    def length(self) -> int:
        """Tokens whose keys and values are kept."""
        return self._length

    @property
    def bytes(self) -> int:
        """Memory of keys and values; pages that another sequence shares are counted for both."""
        return self._table.bytes

    @property
    def addresses(self) -> int:
        """Where the kernels find the addresses of the pages."""
        return int(self._table.addresses.ctypes.data)

    def extend(self, tokens: Sequence[int], logits: int, parents: Sequence[int] | None = None) -> torch.Tensor:
        """Run ``tokens``; float32 logits of shape (logits, vocabulary)."""
        (rows,) = self._target.extend([Extension(self, tokens, logits, parents)])
        return rows

    def check(self, tokens: int, logits: int, parents: Sequence[int] | None) -> StepTree:
        """The step that would extend the sequence by so many tokens. Raises ValueError and `ContextOverflow`."""
        if self._closed:
            raise ValueError("the sequence is closed")
        return check_extension(self._length, tokens, logits, self._target.context_length, parents, self._last)

    def reserve(self, tokens: int) -> None:
        """Have pages for so many further tokens."""
        self._table.reserve(self._length, self._length + tokens)

    def extended(self, step: StepTree) -> None:
        """The target has run ``step``."""
        self._length += len(step.parents)
        self._last = step

    def watch(self, query: AttentionQuery) -> bool:
        """Note from now on what ``query`` asks, or know it already."""
        watching = self._target.watching(query)
        if self._watching is not None and self._watching.query == query and self._length >= query.end:
            return True
        if query.start < self._length:
            return False
        self._watching = watching
        return True

    @property
    def attention(self) -> tuple[float, ...]:
        """What was asked, once it is known."""
        return self._watching.shares(self._length) if self._watching is not None else ()

    def watch_over(self, rows: npt.NDArray[np.void]) -> None:
        """Say in the rows of the next step where to note what is asked of them."""
        if self._watching is not None and self._length < self._watching.query.end:
            self._watching.watch_over(rows)

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
        forked = ExactSequence(self._target, self._table.fork(length), length)
        if self._watching is not None and length >= self._watching.query.end:
            forked._watching = self._watching.fork()
        return forked

    def close(self) -> None:
        """Give back the memory of keys and values."""
        self._closed = True
        self._forget(0)

    def _forget(self, length: int) -> None:
        self._table.truncate(length)
        self._length = length
        self._last = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One sequence's part of a pass."""

    sequence: ExactSequence
    tokens: npt.NDArray[np.int64]
    step: StepTree
    logits: int


def _fill(rows: npt.NDArray[np.void], step: StepTree) -> npt.NDArray[np.int32]:
    """Write where the rows of a step are and what they see; returns the memory that they point into.

    A row sees the slots from 0 on as far as its path goes through neighbours, then the rest of its path.
    """
    start, count = step.start, len(step.parents)
    rows["slot"] = start + np.arange(count)
    if step.is_chain:
        rows["position"] = rows["slot"]
        rows["shared"] = rows["slot"] + 1
        return np.zeros(0, np.int32)
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
    table = np.array(others or [0], np.int32)
    rows["shared"] = start + np.array(runs)
    rows["position"] = rows["shared"] + counts - 1
    rows["others"] = np.array(offsets, np.uint64) + np.uint64(table.ctypes.data)
    rows["other_count"] = counts
    return table
