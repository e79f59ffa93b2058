"""Encoders as they are published: config.json and model.safetensors, of the architectures BERT and MPNet."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from decoding.encoder.kernels import EncoderLayer, EncoderWeights
from decoding.encoder.layout import pack_wide
from decoding.encoder.shape import EncoderShape
from decoding.exact.layout import Floats
from decoding.exact.shape import UnsupportedModel

WEIGHTS = "model.safetensors"
LOG2_E = math.log2(math.e)
"""What an exponent of e is multiplied with to be one of two, as the kernels have it."""


@dataclass(frozen=True, slots=True)
class _Architecture:
    """Where a layer's tensors are, each with ``.weight`` and ``.bias``, and how many positions no text begins with."""

    queries: str
    keys: str
    values: str
    attention_output: str
    attention_norm: str
    skipped_positions: int


_ARCHITECTURES = {
    "bert": _Architecture(
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        0,
    ),
    "mpnet": _Architecture(
        "attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "attention.LayerNorm", 2
    ),
}


def read_shape(folder: Path) -> EncoderShape:
    """The encoder in ``folder``, from its small files. Raises `UnsupportedModel` for one that the kernels can't run."""
    config = _read_json(folder / "config.json")
    architecture = _architecture(folder, config)
    for setting, wanted in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
        if config.get(setting, wanted) != wanted:
            raise UnsupportedModel(f"{folder} has the {setting} {config[setting]!r}; supported is {wanted!r}")
    if not _is_mean_of_rows(folder):
        raise UnsupportedModel(f"{folder} does more or other than taking the mean of a text's rows")
    try:
        positions = int(config["max_position_embeddings"]) - architecture.skipped_positions
        window = int(_read_json(folder / "sentence_bert_config.json")["max_seq_length"])
        if window > positions:
            raise UnsupportedModel(f"{folder} takes texts of {window} tokens, but has {positions} positions")
        return EncoderShape(
            vocabulary=int(config["vocab_size"]),
            layers=int(config["num_hidden_layers"]),
            hidden=int(config["hidden_size"]),
            intermediate=int(config["intermediate_size"]),
            heads=int(config["num_attention_heads"]),
            longest=-(-window // 16) * 16,
            norm_epsilon=float(config["layer_norm_eps"]),
        )
    except (KeyError, TypeError) as error:
        raise UnsupportedModel(f"the settings in {folder} lack a size: {error}") from error


def read_weights(folder: Path, shape: EncoderShape) -> EncoderWeights:
    """The weights in ``folder``, rounded where they multiply. Raises `UnsupportedModel` for a damaged file."""
    from safetensors import SafetensorError, safe_open

    config = _read_json(folder / "config.json")
    try:
        with safe_open(folder / WEIGHTS, framework="np") as file:
            return _weights(_Tensors(file, folder / WEIGHTS), shape, _architecture(folder, config), config)
    except (SafetensorError, OSError) as error:
        raise UnsupportedModel(f"{folder / WEIGHTS} can't be read: {error}") from error


def _weights(
    tensors: _Tensors, shape: EncoderShape, architecture: _Architecture, config: Mapping[str, Any]
) -> EncoderWeights:
    hidden, inner = shape.hidden, shape.intermediate
    first = architecture.skipped_positions
    positions = tensors.get("embeddings.position_embeddings.weight", (shape.longest + first, hidden))[first:]
    if "embeddings.token_type_embeddings.weight" in tensors:  # every token of a text alone is of the first type
        positions = positions + tensors.get("embeddings.token_type_embeddings.weight", (1, hidden))[0]
    distances = None
    if "encoder.relative_attention_bias.weight" in tensors:
        buckets = int(config.get("relative_attention_num_buckets", 32))
        bias = tensors.get("encoder.relative_attention_bias.weight", (buckets, shape.heads))
        distances = _by_distance(bias * np.float32(LOG2_E), shape.longest)

    def layer(index: int) -> EncoderLayer:
        def weights(name: str, *size: int) -> Floats:
            return tensors.get(f"encoder.layer.{index}.{name}", size)

        def norm(name: str) -> Floats:
            return np.concatenate([weights(f"{name}.weight", hidden), weights(f"{name}.bias", hidden)])

        def by_head(part: str, *size: int) -> Floats:
            """Each head's queries, keys and values. Queries have the scale of scores whose powers of two count."""
            names = (architecture.queries, architecture.keys, architecture.values)
            queries, *others = (weights(f"{name}.{part}", *size) for name in names)
            queries = queries * np.float32((hidden / shape.heads) ** -0.5 * LOG2_E)
            three = np.stack([queries, *others]).reshape(3, shape.heads, hidden // shape.heads, *size[1:])
            return np.ascontiguousarray(three.swapaxes(0, 1).reshape(3 * hidden, *size[1:]))

        return EncoderLayer(
            queries_keys_values=pack_wide(by_head("weight", hidden, hidden)),
            queries_keys_values_bias=by_head("bias", hidden),
            attention_output=pack_wide(weights(f"{architecture.attention_output}.weight", hidden, hidden)),
            attention_output_bias=weights(f"{architecture.attention_output}.bias", hidden),
            attention_norm=norm(architecture.attention_norm),
            up=pack_wide(weights("intermediate.dense.weight", inner, hidden)),
            up_bias=weights("intermediate.dense.bias", inner),
            down=pack_wide(weights("output.dense.weight", hidden, inner)),
            down_bias=weights("output.dense.bias", hidden),
            norm=norm("output.LayerNorm"),
        )

    norm = [tensors.get(f"embeddings.LayerNorm.{part}", (hidden,)) for part in ("weight", "bias")]
    return EncoderWeights(
        words=tensors.get("embeddings.word_embeddings.weight", (shape.vocabulary, hidden)),
        positions=np.ascontiguousarray(positions),
        embedding_norm=np.concatenate(norm),
        distances=distances,
        layers=tuple(layer(index) for index in range(shape.layers)),
    )


class _Tensors:
    """The tensors of a file, with the model's name in front of theirs or without."""

    def __init__(self, file: Any, path: Path) -> None:  # noqa: ANN401 - the library is untyped
        self._file = file
        self._path = path
        self._names = {name.removeprefix("bert.").removeprefix("mpnet."): name for name in file.keys()}  # noqa: SIM118

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def get(self, name: str, size: tuple[int, ...]) -> Floats:
        """A tensor in float32, of at least ``size`` along its first axis and exactly that along the others."""
        if name not in self._names:
            raise UnsupportedModel(f"{self._path} lacks the tensor {name}")
        try:
            values: npt.NDArray[Any] = self._file.get_tensor(self._names[name])
        except TypeError as error:  # a number format that numpy does not have
            raise UnsupportedModel(f"{self._path}: {name}: {error}") from error
        if len(values.shape) != len(size) or values.shape[1:] != size[1:] or values.shape[0] < size[0]:
            raise UnsupportedModel(f"{self._path}: {name} has the shape {values.shape}, expected {size}")
        return np.ascontiguousarray(values[: size[0]], np.float32)


def _by_distance(bias: Floats, longest: int) -> Floats:
    """What is added to a score by the key's position less the query's: (heads, 2 * longest), from -longest on.

    ``bias`` is by bucket: half of them for keys behind, half for keys ahead; of each half the first half one position
    each, the others wider and wider up to 128 positions (Raffel et al. 2020, arXiv:1910.10683).
    """
    half = int(bias.shape[0]) // 2
    exact = half // 2

    def bucket(ahead: int) -> int:
        apart, side = abs(ahead), half if ahead > 0 else 0
        if apart < exact:
            return side + apart
        wider = math.log(apart / exact) / math.log(128 / exact) * (half - exact)
        return side + min(exact + int(wider), half - 1)

    return np.ascontiguousarray(bias[[bucket(ahead) for ahead in range(-longest, longest)]].T)


def _is_mean_of_rows(folder: Path) -> bool:
    """Whether the model's vector is the mean of its rows, at length one or not, and nothing else."""
    modules = _read_json(folder / "modules.json")
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return False
    pooling = _read_json(folder / str(modules[1].get("path")) / "config.json")
    modes = {name for name, on in pooling.items() if name.startswith("pooling_mode") and on}
    return modes == {"pooling_mode_mean_tokens"}


def _architecture(folder: Path, config: Mapping[str, Any]) -> _Architecture:
    name = config.get("model_type")
    if name not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        raise UnsupportedModel(f"{folder} has the architecture {name!r}; supported are {known}")
    return _ARCHITECTURES[name]


def _read_json(path: Path) -> Any:  # noqa: ANN401 - what a file holds
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnsupportedModel(f"{path} can't be read: {error}") from error
