"""The compiled kernels, as Python calls them. The structures are those of `kernels.c`."""

from __future__ import annotations

import ctypes
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from decoding.exact.compiler import opened
from decoding.exact.layout import Floats, PackedMatrix
from decoding.exact.memory import Matrix, matrix
from decoding.exact.shape import Shape

MAX_ROWS = 256
"""Rows of one call: enough for full speed, few enough for the caches."""

ROW = np.dtype(
    [
        ("pages", np.uint64),
        ("embedding", np.uint64),
        ("others", np.uint64),
        ("position", np.int32),
        ("slot", np.int32),
        ("shared", np.int32),
        ("other_count", np.int32),
        ("sequence", np.int32),
        ("reserved", np.int32),
        ("watch", np.uint64),
        ("shares", np.uint64),
    ]
)
"""A row of a step; addresses are those of memory that must outlive the call."""

Rows = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer's part of `Weights`; ``bias`` is that of queries, keys and values together."""

    attention_norm: Floats
    queries: PackedMatrix
    keys: PackedMatrix
    values: PackedMatrix
    bias: Floats | None
    attention_output: PackedMatrix
    feed_forward_norm: Floats
    gate_up: PackedMatrix
    down: PackedMatrix


@dataclass(frozen=True, slots=True)
class Weights:
    """All weights of a model but its embedding."""

    layers: tuple[LayerWeights, ...]
    norm: Floats
    head: PackedMatrix


class Watch(ctypes.Structure):
    """What is to be noted of the attention of a row, see `decoding.exact.watching`."""

    _fields_ = [
        ("spans", ctypes.c_void_p),
        ("heads", ctypes.c_void_p),
        ("span_count", ctypes.c_int32),
        ("head_count", ctypes.c_int32),
    ]


class _Layer(ctypes.Structure):
    _fields_ = [
        ("attention_norm", ctypes.c_void_p),
        ("queries", Matrix),
        ("keys", Matrix),
        ("values", Matrix),
        ("bias", ctypes.c_void_p),
        ("attention_output", Matrix),
        ("feed_forward_norm", ctypes.c_void_p),
        ("gate_up", Matrix),
        ("down", Matrix),
    ]


class _Model(ctypes.Structure):
    _fields_ = [
        ("layers", ctypes.c_int32),
        ("hidden", ctypes.c_int32),
        ("intermediate", ctypes.c_int32),
        ("heads", ctypes.c_int32),
        ("key_heads", ctypes.c_int32),
        ("head_width", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("epsilon", ctypes.c_float),
        ("rotations", ctypes.c_void_p),
        ("layer", ctypes.POINTER(_Layer)),
        ("norm", ctypes.c_void_p),
        ("head", Matrix),
    ]


class Kernels:
    """One model's weights, threads and working memory. Calls from several threads wait for one another."""

    def __init__(self, library: Path, shape: Shape, weights: Weights, context_length: int, threads: int) -> None:
        """Raises `KernelsUnavailable`, and MemoryError when the working memory can't be had."""
        functions = _functions(library)
        self._functions = functions
        self._shape = shape
        self._lock = threading.Lock()
        self._rotations = rotations(shape, context_length)
        # What the kernels point into must live as long as they do.
        self._weights = weights
        self._layers = (_Layer * shape.layers)(*(_layer(layer) for layer in weights.layers))
        self._model = _Model(
            shape.layers,
            shape.hidden,
            shape.intermediate,
            shape.heads,
            shape.key_heads,
            shape.head_width,
            0,
            shape.norm_epsilon,
            self._rotations.ctypes.data,
            self._layers,
            weights.norm.ctypes.data,
            matrix(weights.head),
        )
        self._pool = functions.pool_new(threads)
        self._workspace = functions.workspace_new(ctypes.byref(self._model), self._pool, MAX_ROWS, context_length)
        if not self._pool or not self._workspace:
            raise MemoryError(f"no memory for steps of {MAX_ROWS} rows and {context_length} tokens of context")
        weakref.finalize(self, _release, functions, self._workspace, self._pool)

    def forward(self, rows: Rows, wanted: Sequence[int]) -> torch.Tensor:
        """Run up to `MAX_ROWS` rows; float32 logits of the ``wanted`` ones, of shape (len(wanted), vocabulary)."""
        logits = torch.empty(len(wanted), self._weights.head.channels)
        indices = np.array(wanted, np.int32)
        with self._lock:
            self._functions.forward(
                self._workspace, rows.ctypes.data, len(rows), indices.ctypes.data, len(wanted), logits.data_ptr()
            )
        return logits[:, : self._shape.vocabulary]

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that every step reads."""
        return sum(matrix.blocks.nbytes for matrix in self._matrices())

    def read_weights(self) -> float:
        """Seconds that reading all of them takes, and nothing else: the least that a step can take."""
        blocks = [matrix.blocks for matrix in self._matrices()]
        start = min(block.ctypes.data for block in blocks)
        length = max(block.ctypes.data + block.nbytes for block in blocks) - start
        # They lie side by side in the file; where they don't, as in tiny models, each is read by itself.
        pieces = [(start, length)]
        if length > 1.05 * self.weight_bytes:
            pieces = [(block.ctypes.data, block.nbytes) for block in blocks]
        with self._lock:
            started = time.perf_counter()
            for address, size in pieces:
                self._functions.read_memory(self._pool, address, size)
            return time.perf_counter() - started

    def _matrices(self) -> list[PackedMatrix]:
        found = [self._weights.head]
        for layer in self._weights.layers:
            found += [layer.queries, layer.keys, layer.values, layer.attention_output, layer.gate_up, layer.down]
        return found

    def move(self, pages: npt.NDArray[np.uint64], start: int, path: Sequence[int]) -> None:
        """Move keys and values from the slots ``start`` + path[i] to ``start`` + i; ``path`` ascends."""
        for to, offset in enumerate(path):
            if offset != to:
                self._functions.move_slot(ctypes.byref(self._model), pages.ctypes.data, start + offset, start + to)


def rotations(shape: Shape, context_length: int) -> Floats:
    """Rotary positions, float32 of shape (context, head_width): for each, half as many cosines, then as many sines."""
    exponents = np.arange(0, shape.head_width, 2, dtype=np.float64) / shape.head_width
    angles = np.outer(np.arange(context_length, dtype=np.float64), shape.rope_base**-exponents)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _functions(library: Path) -> ctypes.CDLL:
    functions = opened(library)
    pointer, number = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in (
        ("pool_new", pointer, [number]),
        ("pool_free", None, [pointer]),
        ("workspace_new", pointer, [pointer, pointer, number, number]),
        ("workspace_free", None, [pointer]),
        ("forward", None, [pointer, pointer, number, pointer, number, pointer]),
        ("read_memory", number, [pointer, pointer, ctypes.c_int64]),
        ("move_slot", None, [pointer, pointer, number, number]),
    ):
        function = getattr(functions, name)
        function.restype, function.argtypes = result, arguments
    return functions


def _release(functions: ctypes.CDLL, workspace: int | None, pool: int | None) -> None:
    if workspace:
        functions.workspace_free(workspace)
    if pool:
        functions.pool_free(pool)


def _layer(layer: LayerWeights) -> _Layer:
    return _Layer(
        layer.attention_norm.ctypes.data,
        matrix(layer.queries),
        matrix(layer.keys),
        matrix(layer.values),
        layer.bias.ctypes.data if layer.bias is not None else None,
        matrix(layer.attention_output),
        layer.feed_forward_norm.ctypes.data,
        matrix(layer.gate_up),
        matrix(layer.down),
    )
