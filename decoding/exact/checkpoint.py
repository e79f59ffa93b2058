"""Model files as they are published, GGUF or safetensors: the model's shape, and its weights by their part in it.

Query and key heads come out in the order in which the second half of a head rotates with its first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from decoding.exact.layout import Floats
from decoding.exact.shape import Shape, UnsupportedModel

ARCHITECTURES = ("llama", "qwen2")

# Each part's name in GGUF files and in safetensors ones; {} is the layer.
_NAMES = {
    "embedding": ("token_embd.weight", "model.embed_tokens.weight"),
    "norm": ("output_norm.weight", "model.norm.weight"),
    "head": ("output.weight", "lm_head.weight"),
    "attention_norm": ("blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"),
    "queries": ("blk.{}.attn_q.weight", "model.layers.{}.self_attn.q_proj.weight"),
    "keys": ("blk.{}.attn_k.weight", "model.layers.{}.self_attn.k_proj.weight"),
    "values": ("blk.{}.attn_v.weight", "model.layers.{}.self_attn.v_proj.weight"),
    "queries_bias": ("blk.{}.attn_q.bias", "model.layers.{}.self_attn.q_proj.bias"),
    "keys_bias": ("blk.{}.attn_k.bias", "model.layers.{}.self_attn.k_proj.bias"),
    "values_bias": ("blk.{}.attn_v.bias", "model.layers.{}.self_attn.v_proj.bias"),
    "attention_output": ("blk.{}.attn_output.weight", "model.layers.{}.self_attn.o_proj.weight"),
    "feed_forward_norm": ("blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight"),
    "gate": ("blk.{}.ffn_gate.weight", "model.layers.{}.mlp.gate_proj.weight"),
    "up": ("blk.{}.ffn_up.weight", "model.layers.{}.mlp.up_proj.weight"),
    "down": ("blk.{}.ffn_down.weight", "model.layers.{}.mlp.down_proj.weight"),
}


class Checkpoint(Protocol):
    """A published model."""

    @property
    def shape(self) -> Shape:
        """Its sizes."""
        ...

    def has(self, part: str, layer: int = 0) -> bool:
        """Whether the files hold this part."""
        ...

    def weights(self, part: str, layer: int = 0) -> Floats:
        """A part in float32. Raises `UnsupportedModel` when it is missing or stored in an unknown way."""
        ...


def open_checkpoint(folder: Path, file: Path | None) -> Checkpoint:
    """The GGUF ``file``, or the transformers layout in ``folder`` when there is none. Raises `UnsupportedModel`."""
    return GgufCheckpoint(file) if file is not None else SafetensorsCheckpoint(folder)


class GgufCheckpoint:
    """One GGUF file, whose tensors are unpacked from whatever block format they have."""

    def __init__(self, file: Path) -> None:
        from gguf import GGUFReader

        self._file = file
        try:
            self._reader = GGUFReader(file)
        except (ValueError, IndexError, OSError) as error:
            raise UnsupportedModel(f"{file} is not a readable GGUF file: {error}") from error
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        self._architecture = _known(file, str(self._field("general.architecture")))
        if self.has_name("rope_freqs.weight") or self._number("rope.scaling.factor", 1.0) != 1.0:
            raise UnsupportedModel(f"{file} scales its rotary positions, which is not supported")
        hidden, heads = int(self._number("embedding_length")), int(self._number("attention.head_count"))
        self._shape = Shape(
            vocabulary=int(self._tensor("token_embd.weight").shape[1]),
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

    @property
    def shape(self) -> Shape:
        """Its sizes."""
        return self._shape

    def has(self, part: str, layer: int = 0) -> bool:
        """Whether the file holds this part."""
        return self.has_name(_NAMES[part][0].format(layer))

    def has_name(self, name: str) -> bool:
        """Whether the file holds this tensor."""
        return name in self._tensors

    def weights(self, part: str, layer: int = 0) -> Floats:
        """A part in float32, unpacked."""
        from gguf import dequantize

        found = self._tensor(_NAMES[part][0].format(layer))
        try:
            values = np.array(dequantize(found.data, found.tensor_type), dtype=np.float32)
        except NotImplementedError as error:
            kind = found.tensor_type.name
            raise UnsupportedModel(f"{self._file}: {found.name} is stored as {kind}: {error}") from error
        if self._architecture == "llama" and part.removesuffix("_bias") in ("queries", "keys"):
            return self._halves(values)
        return values

    def _halves(self, rows: Floats) -> Floats:
        """Files of the llama architecture have rows that rotate together as neighbours; put them into two halves."""
        pairs = rows.reshape(-1, self._shape.head_width // 2, 2, *rows.shape[1:])
        return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows.shape))

    def _tensor(self, name: str) -> Any:  # noqa: ANN401 - the reader is untyped
        if name not in self._tensors:
            raise UnsupportedModel(f"{self._file} lacks the tensor {name}")
        return self._tensors[name]

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


class SafetensorsCheckpoint:
    """A folder in the transformers layout: config.json and one or more safetensors files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        config = _read_json(folder / "config.json")
        _known(folder, str(config.get("model_type")))
        scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
        if scaling.get("rope_type", scaling.get("type", "default")) != "default":
            raise UnsupportedModel(f"{folder} scales its rotary positions, which is not supported")
        self._files = self._index()
        try:
            heads = int(config["num_attention_heads"])
            self._shape = Shape(
                vocabulary=int(config["vocab_size"]),
                layers=int(config["num_hidden_layers"]),
                hidden=int(config["hidden_size"]),
                intermediate=int(config["intermediate_size"]),
                heads=heads,
                key_heads=int(config.get("num_key_value_heads") or heads),
                head_width=int(config.get("head_dim") or config["hidden_size"] // heads),
                norm_epsilon=float(config["rms_norm_eps"]),
                rope_base=float(scaling.get("rope_theta") or config.get("rope_theta") or 10_000.0),
                context_length=int(config["max_position_embeddings"]),
            )
        except KeyError as error:
            raise UnsupportedModel(f"{folder / 'config.json'} does not give {error}") from error

    @property
    def shape(self) -> Shape:
        """Its sizes."""
        return self._shape

    def has(self, part: str, layer: int = 0) -> bool:
        """Whether the files hold this part."""
        return _NAMES[part][1].format(layer) in self._files

    def weights(self, part: str, layer: int = 0) -> Floats:
        """A part in float32."""
        import torch
        from safetensors import safe_open

        name = _NAMES[part][1].format(layer)
        if name not in self._files:
            raise UnsupportedModel(f"{self._folder} lacks the tensor {name}")
        with safe_open(self._files[name], framework="pt") as file:
            tensor: torch.Tensor = file.get_tensor(name)
        if not tensor.is_floating_point():
            raise UnsupportedModel(f"{self._folder}: {name} is stored as {tensor.dtype}; supported are floats")
        values: Floats = tensor.float().numpy()
        return values

    def _index(self) -> Mapping[str, Path]:
        from safetensors import SafetensorError, safe_open

        found: dict[str, Path] = {}
        for path in sorted(self._folder.glob("*.safetensors")):
            try:
                with safe_open(path, framework="pt") as file:
                    found.update(dict.fromkeys(file.keys(), path))
            except (SafetensorError, OSError) as error:
                raise UnsupportedModel(f"{path} is not a readable safetensors file: {error}") from error
        if not found:
            raise UnsupportedModel(f"{self._folder} holds no safetensors file")
        return found


def _known(where: Path, architecture: str) -> str:
    if architecture not in ARCHITECTURES:
        raise UnsupportedModel(
            f"{where} has the architecture {architecture!r}; supported are {', '.join(ARCHITECTURES)}"
        )
    return architecture


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnsupportedModel(f"{path} can't be read: {error}") from error
    if not isinstance(content, dict):
        raise UnsupportedModel(f"{path} holds no object")
    return content
