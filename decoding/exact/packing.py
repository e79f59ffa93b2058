"""From a published model to the packed folder that later starts read: one file of weights, one that describes it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from decoding.exact.checkpoint import Checkpoint
from decoding.exact.layout import PackedMatrix, pack_gate_up, pack_matrix
from decoding.exact.shape import Shape

FORMAT = 1
"""Raised whenever packed folders of the version before can't be read any more."""

ALIGNMENT = 4096

WEIGHTS, EMBEDDING, DESCRIPTION = "weights.bin", "embedding.bin", "model.json"


class NoSpace(OSError):
    """The disk has not enough room; both numbers are in the message."""


def pack(source: Checkpoint, folder: Path) -> None:
    """Write the packed form of ``source`` into the empty ``folder``.

    ``weights.bin`` holds what a step reads, ``embedding.bin``, in models that do not share it with the head, the
    embedding, of which a step reads few rows. Raises `NoSpace`, `decoding.exact.shape.UnsupportedModel`.
    """
    shape = source.shape
    needed, free = _bytes(shape), shutil.disk_usage(folder).free
    if needed > free:
        raise NoSpace(f"packing needs {needed / 1e9:.1f} GB in {folder}, of which {free / 1e9:.1f} GB are free")
    arrays: dict[str, object] = {}
    _write(folder / WEIGHTS, _parts(source), arrays)
    tied = not source.has("head")
    if not tied:
        embedding = _matrix("embedding", pack_matrix(source.weights("embedding")))
        _write(folder / EMBEDDING, embedding, arrays)
    description = {"format": FORMAT, "shape": asdict(shape), "tied": tied, "arrays": arrays}
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1))


def _parts(source: Checkpoint) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    for index in range(source.shape.layers):
        at = f"layers.{index}."
        yield at + "attention_norm", source.weights("attention_norm", index)
        for name in ("queries", "keys", "values"):
            yield from _matrix(at + name, pack_matrix(source.weights(name, index)))
        if source.has("queries_bias", index):
            biases = [source.weights(f"{name}_bias", index) for name in ("queries", "keys", "values")]
            yield at + "bias", np.concatenate(biases)
        yield from _matrix(at + "attention_output", pack_matrix(source.weights("attention_output", index)))
        yield at + "feed_forward_norm", source.weights("feed_forward_norm", index)
        yield from _matrix(at + "gate_up", pack_gate_up(source.weights("gate", index), source.weights("up", index)))
        yield from _matrix(at + "down", pack_matrix(source.weights("down", index)))
    yield "norm", source.weights("norm")
    yield from _matrix("head", pack_matrix(source.weights("head" if source.has("head") else "embedding")))


def _matrix(name: str, matrix: PackedMatrix) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    yield f"{name}.blocks", matrix.blocks
    yield f"{name}.scale", matrix.scale


def _write(path: Path, parts: Iterator[tuple[str, npt.NDArray[np.generic]]], arrays: dict[str, object]) -> None:
    """Put arrays one after the other, each where a page of memory begins, and note where they are."""
    with path.open("wb") as file:
        for name, array in parts:
            file.write(bytes(-file.tell() % ALIGNMENT))
            arrays[name] = {"offset": file.tell(), "dtype": array.dtype.name, "shape": list(array.shape)}
            file.write(np.ascontiguousarray(array).data)
        file.write(bytes(-file.tell() % ALIGNMENT))


def _bytes(shape: Shape) -> int:
    """About what the packed files will take: a byte for each weight, and a little for scales."""
    layer = shape.hidden * (2 * shape.query_width + 2 * shape.key_width + 3 * shape.intermediate)
    return int(1.02 * (shape.layers * layer + 2 * shape.vocabulary * shape.hidden))
