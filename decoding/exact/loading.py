"""From the packed folder to weights in memory."""

from __future__ import annotations

import json
import mmap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from decoding.exact.kernels import LayerWeights, Weights
from decoding.exact.layout import PackedMatrix
from decoding.exact.packing import DESCRIPTION, EMBEDDING, FORMAT, WEIGHTS
from decoding.exact.shape import Shape

_PIECE = 32 << 20
_READERS = 4
"""Threads that read: what takes time is clearing memory and copying into it."""

Arrays = dict[str, npt.NDArray[Any]]


def load(folder: Path) -> tuple[Shape, Weights, PackedMatrix]:
    """What `decoding.exact.packing.pack` wrote: the shape, the weights, and the embedding.

    Weights are read into large pages of memory (a step reads all of them, and memory is 5% faster so); an embedding
    of its own, of which a step reads few rows, stays in the file's pages. Raises ValueError for a damaged folder or
    one of another version.
    """
    try:
        described = json.loads((folder / DESCRIPTION).read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} is damaged ({error}); delete it, it will be made again") from error
    if described.get("format") != FORMAT:
        raise ValueError(f"{folder} was packed by another version; delete it, it will be made again")
    shape = Shape(**described["shape"])
    described_arrays = described["arrays"]
    inside = {name: entry for name, entry in described_arrays.items() if not name.startswith("embedding.")}
    arrays = _arrays(_read(folder / WEIGHTS), inside)
    weights = Weights(
        layers=tuple(_layer(arrays, index) for index in range(shape.layers)),
        norm=arrays["norm"],
        head=_matrix(arrays, "head"),
    )
    if described["tied"]:
        return shape, weights, weights.head
    mapped: npt.NDArray[np.uint8] = np.memmap(folder / EMBEDDING, np.uint8, "r")
    outside = {name: entry for name, entry in described_arrays.items() if name.startswith("embedding.")}
    return shape, weights, _matrix(_arrays(mapped, outside), "embedding")


def _read(path: Path) -> npt.NDArray[np.uint8]:
    size = path.stat().st_size
    memory = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    view = memoryview(memory)

    def read(start: int) -> None:
        piece = view[start : start + _PIECE]
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            while piece:
                count = file.readinto(piece)
                if not count:
                    raise ValueError(f"{path} is shorter than it was; delete {path.parent}, it will be made again")
                piece = piece[count:]

    with ThreadPoolExecutor(_READERS) as readers:
        list(readers.map(read, range(0, size, _PIECE)))
    return np.frombuffer(memory, np.uint8)


def _arrays(content: npt.NDArray[np.uint8], described: dict[str, dict[str, Any]]) -> Arrays:
    arrays: Arrays = {}
    for name, entry in described.items():
        dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
        end = entry["offset"] + dtype.itemsize * int(np.prod(shape))
        if end > len(content):
            raise ValueError(f"the packed weights end before {name}; delete their folder, it will be made again")
        arrays[name] = content[entry["offset"] : end].view(dtype).reshape(shape)
    return arrays


def _layer(arrays: Arrays, index: int) -> LayerWeights:
    at = f"layers.{index}."
    return LayerWeights(
        attention_norm=arrays[at + "attention_norm"],
        queries=_matrix(arrays, at + "queries"),
        keys=_matrix(arrays, at + "keys"),
        values=_matrix(arrays, at + "values"),
        bias=arrays.get(at + "bias"),
        attention_output=_matrix(arrays, at + "attention_output"),
        feed_forward_norm=arrays[at + "feed_forward_norm"],
        gate_up=_matrix(arrays, at + "gate_up"),
        down=_matrix(arrays, at + "down"),
    )


def _matrix(arrays: Arrays, name: str) -> PackedMatrix:
    return PackedMatrix(arrays[name + ".blocks"], arrays[name + ".scale"])
