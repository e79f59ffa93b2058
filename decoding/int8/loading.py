"""From the packed folder to a model in memory."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open

from decoding.int8.linear import ChannelWeights, Linear
from decoding.int8.model import Layer, Model
from decoding.int8.packing import FORMAT
from decoding.int8.shape import Shape


def load(folder: Path) -> Model:
    """Load what `decoding.int8.packing.pack` wrote.

    Weights are read one at a time and put into the order of the kernels, so memory holds them once; the embedding,
    of which a step reads few rows, stays in the file's pages. Raises ValueError for another version's folder.
    """
    described = json.loads((folder / "shape.json").read_text())
    if described.pop("format", None) != FORMAT:
        raise ValueError(f"{folder} was packed by another version; delete it, it will be made again")
    shape = Shape(**described)
    with safe_open(folder / "weights.safetensors", framework="pt") as file:
        names = set(file.keys())

        def tensor(name: str) -> torch.Tensor:
            # A copy, so that no view keeps the whole file mapped.
            copied: torch.Tensor = file.get_tensor(name).clone()
            return copied

        def linear(name: str) -> Linear:
            return Linear(ChannelWeights(file.get_tensor(f"{name}.values"), tensor(f"{name}.scale")))

        def layer(index: int) -> Layer:
            at = f"layers.{index}."
            bias = f"{at}queries_keys_values.bias"
            return Layer(
                attention_norm=tensor(f"{at}attention_norm"),
                queries_keys_values=linear(f"{at}queries_keys_values"),
                queries_keys_values_bias=tensor(bias) if bias in names else None,
                attention_output=linear(f"{at}attention_output"),
                feed_forward_norm=tensor(f"{at}feed_forward_norm"),
                gate_up=linear(f"{at}gate_up"),
                down=linear(f"{at}down"),
            )

        layers = [layer(index) for index in range(shape.layers)]
        norm, head = tensor("norm"), linear("head")
    with safe_open(folder / "embedding.safetensors", framework="pt") as file:
        embedding = ChannelWeights(file.get_tensor("embedding.values"), file.get_tensor("embedding.scale"))
        return Model(shape, embedding, layers, norm, head)
