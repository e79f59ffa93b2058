"""From a GGUF file to the packed folder that `decoding.int8.loading` maps: 8-bit weights, fused and reordered once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from decoding.int8.linear import ChannelWeights, quantise_weights
from decoding.int8.shape import Shape

FORMAT = 1
"""Raised whenever packed folders of the version before can't be read any more."""

_ARCHITECTURES = ("llama", "qwen2")


class UnsupportedModel(ValueError):
    """A file that this engine can't run; the message names what it found and what it supports."""


def pack(file: Path, folder: Path) -> None:
    """Write the packed form of the GGUF ``file`` into the empty ``folder``. Raises `UnsupportedModel`."""
    source = _Source(file)
    shape = source.shape()
    weights = dict(_layers(source, shape))
    head = source.channels("output.weight" if source.has("output.weight") else "token_embd.weight")
    weights["norm"] = source.tensor("output_norm.weight")
    _put(weights, "head", head)
    save_file(weights, folder / "weights.safetensors")
    embedding: dict[str, torch.Tensor] = {}
    _put(embedding, "embedding", source.channels("token_embd.weight") if source.has("output.weight") else head)
    save_file(embedding, folder / "embedding.safetensors")
    (folder / "shape.json").write_text(json.dumps({"format": FORMAT, **asdict(shape)}, indent=1))


def _layers(source: _Source, shape: Shape) -> Iterator[tuple[str, torch.Tensor]]:
    for index in range(shape.layers):
        old, new = f"blk.{index}.", f"layers.{index}."
        turn = source.pairing(shape)
        packed: dict[str, torch.Tensor] = {}
        fused = [
            turn(source.tensor(old + "attn_q.weight")),
            turn(source.tensor(old + "attn_k.weight")),
            source.tensor(old + "attn_v.weight"),
        ]
        _put(packed, "queries_keys_values", quantise_weights(torch.cat(fused)))
        if source.has(old + "attn_q.bias"):
            biases = [
                turn(source.tensor(old + "attn_q.bias")),
                turn(source.tensor(old + "attn_k.bias")),
                source.tensor(old + "attn_v.bias"),
            ]
            packed["queries_keys_values.bias"] = torch.cat(biases)
        gate_up = torch.cat([source.tensor(old + "ffn_gate.weight"), source.tensor(old + "ffn_up.weight")])
        _put(packed, "attention_output", source.channels(old + "attn_output.weight"))
        _put(packed, "gate_up", quantise_weights(gate_up))
        _put(packed, "down", source.channels(old + "ffn_down.weight"))
        packed["attention_norm"] = source.tensor(old + "attn_norm.weight")
        packed["feed_forward_norm"] = source.tensor(old + "ffn_norm.weight")
        yield from ((new + name, tensor) for name, tensor in packed.items())


def _put(tensors: dict[str, torch.Tensor], name: str, weights: ChannelWeights) -> None:
    tensors[f"{name}.values"] = weights.values
    tensors[f"{name}.scale"] = weights.scale


class _Source:
    """A GGUF file's tensors in float32, by name."""

    def __init__(self, file: Path) -> None:
        from gguf import GGUFReader

        self._file = file
        try:
            self._reader = GGUFReader(file)
        except (ValueError, IndexError, OSError) as error:
            raise UnsupportedModel(f"{file} is not a readable GGUF file: {error}") from error
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        self._architecture = str(self._field("general.architecture"))
        if self._architecture not in _ARCHITECTURES:
            raise UnsupportedModel(
                f"{file} has the architecture {self._architecture!r}; supported are {', '.join(_ARCHITECTURES)}"
            )
        if self.has("rope_freqs.weight") or self._number("rope.scaling.factor", 1.0) != 1.0:
            raise UnsupportedModel(f"{file} scales its rotary positions, which is not supported")

    def shape(self) -> Shape:
        heads = int(self._number("attention.head_count"))
        hidden = int(self._number("embedding_length"))
        return Shape(
            vocabulary=int(self._tensors["token_embd.weight"].shape[1]),
            layers=int(self._number("block_count")),
            hidden=hidden,
            intermediate=int(self._number("feed_forward_length")),
            heads=heads,
            key_heads=int(self._number("attention.head_count_kv", heads)),
            head_width=int(self._number("attention.key_length", hidden // heads)),
            norm_epsilon=self._number("attention.layer_norm_rms_epsilon"),
            rope_base=self._number("rope.freq_base", 10_000.0),
            context_length=int(self._number("context_length")),
        )

    def pairing(self, shape: Shape) -> Callable[[torch.Tensor], torch.Tensor]:
        """Reorders the rows of queries or keys so that those which rotate together are neighbours.

        Files of the llama architecture have them so; in qwen2 the second half of a head belongs to the first.
        """
        if self._architecture == "llama":
            return lambda rows: rows

        def turn(rows: torch.Tensor) -> torch.Tensor:
            halves = rows.reshape(-1, 2, shape.head_width // 2, *rows.shape[1:])
            return halves.transpose(1, 2).reshape(rows.shape)

        return turn

    def has(self, name: str) -> bool:
        return name in self._tensors

    def channels(self, name: str) -> ChannelWeights:
        return quantise_weights(self.tensor(name))

    def tensor(self, name: str) -> torch.Tensor:
        from gguf import dequantize

        if name not in self._tensors:
            raise UnsupportedModel(f"{self._file} lacks the tensor {name}")
        found = self._tensors[name]
        try:
            values = dequantize(found.data, found.tensor_type)
        except NotImplementedError as error:
            raise UnsupportedModel(f"{self._file}: {name} is stored as {found.tensor_type.name}: {error}") from error
        return torch.from_numpy(np.array(values, dtype=np.float32))  # a copy: the file is mapped read-only

    def _number(self, key: str, default: float | None = None) -> float:
        value = self._field(f"{self._architecture}.{key}")
        if value is None:
            value = default
        if value is None:
            raise UnsupportedModel(f"{self._file} does not give {self._architecture}.{key}")
        return float(value)

    def _field(self, key: str) -> Any:  # noqa: ANN401 - a GGUF field holds any type
        field = self._reader.get_field(key)
        return None if field is None else field.contents()
