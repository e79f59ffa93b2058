"""The compiled encoder, as Python calls it. The structures are those of `kernels.c`."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from decoding.encoder.layout import WideMatrix
from decoding.encoder.shape import EncoderShape
from decoding.exact.compiler import opened
from decoding.exact.layout import Floats
from decoding.exact.memory import Matrix, matrix

SOURCE = Path(__file__).with_name("kernels.c")


@dataclass(frozen=True, slots=True)
class EncoderLayer:
    """One layer's part of `EncoderWeights`; a norm holds its weights, then its biases."""

    queries_keys_values: WideMatrix
    queries_keys_values_bias: Floats
    attention_output: WideMatrix
    attention_output_bias: Floats
    attention_norm: Floats
    up: WideMatrix
    up_bias: Floats
    down: WideMatrix
    down_bias: Floats
    norm: Floats


@dataclass(frozen=True, slots=True)
class EncoderWeights:
    """``words``: (vocabulary, hidden); ``positions``: (longest, hidden); ``distances``: (heads, 2 * longest)."""

    words: Floats
    positions: Floats
    embedding_norm: Floats
    distances: Floats | None
    layers: tuple[EncoderLayer, ...]


class _Layer(ctypes.Structure):
    _fields_ = [
        ("queries_keys_values", Matrix),
        ("queries_keys_values_bias", ctypes.c_void_p),
        ("attention_output", Matrix),
        ("attention_output_bias", ctypes.c_void_p),
        ("attention_norm", ctypes.c_void_p),
        ("up", Matrix),
        ("up_bias", ctypes.c_void_p),
        ("down", Matrix),
        ("down_bias", ctypes.c_void_p),
        ("norm", ctypes.c_void_p),
    ]


class _Model(ctypes.Structure):
    _fields_ = [
        ("layers", ctypes.c_int32),
        ("hidden", ctypes.c_int32),
        ("intermediate", ctypes.c_int32),
        ("heads", ctypes.c_int32),
        ("longest", ctypes.c_int32),
        ("epsilon", ctypes.c_float),
        ("words", ctypes.c_void_p),
        ("positions", ctypes.c_void_p),
        ("embedding_norm", ctypes.c_void_p),
        ("distances", ctypes.c_void_p),
        ("layer", ctypes.POINTER(_Layer)),
    ]


class EncoderKernels:
    """One model's weights, threads and working memory. Calls from several threads wait for one another.

    Law: a text's vector is the same to the last bit whatever texts are beside it and however many threads there are.
    """

    def __init__(self, library: Path, shape: EncoderShape, weights: EncoderWeights, threads: int) -> None:
        """Raises `decoding.exact.compiler.KernelsUnavailable`, and MemoryError without room for a group of texts."""
        functions = opened(library)
        functions.encoder_new.restype = ctypes.c_void_p
        functions.encoder_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
        functions.encoder_free.restype, functions.encoder_free.argtypes = None, [ctypes.c_void_p]
        functions.encode.restype = None
        functions.encode.argtypes = [*[ctypes.c_void_p] * 3, ctypes.c_int, ctypes.c_void_p]
        self._functions = functions
        self._shape = shape
        self._lock = threading.Lock()
        # What the kernels point into must live as long as they do.
        self._weights = weights
        self._layers = (_Layer * shape.layers)(*(_layer(layer) for layer in weights.layers))
        self._model = _Model(
            shape.layers,
            shape.hidden,
            shape.intermediate,
            shape.heads,
            shape.longest,
            shape.norm_epsilon,
            weights.words.ctypes.data,
            weights.positions.ctypes.data,
            weights.embedding_norm.ctypes.data,
            None if weights.distances is None else weights.distances.ctypes.data,
            self._layers,
        )
        self._encoder = functions.encoder_new(ctypes.byref(self._model), threads)
        if not self._encoder:
            raise MemoryError("no memory for the working space of an encoder")
        weakref.finalize(self, functions.encoder_free, self._encoder)

    def encode(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Token ids, special ones included, to vectors of unit length: float32 of shape (len(texts), hidden).

        Raises ValueError for a text without tokens, one that is too long, and ids that are no tokens.
        """
        lengths = np.array([len(text) for text in texts], np.int32)
        vectors = np.empty((len(texts), self._shape.hidden), np.float32)
        if not len(texts):
            return vectors
        if lengths.min() < 1 or lengths.max() > self._shape.longest:
            raise ValueError(f"a text has 1 to {self._shape.longest} tokens, not {lengths.min()} to {lengths.max()}")
        tokens = np.concatenate([np.asarray(text, np.int32) for text in texts])
        if tokens.min() < 0 or tokens.max() >= self._shape.vocabulary:
            raise ValueError(f"token ids must be between 0 and {self._shape.vocabulary - 1}")
        starts = np.zeros(len(texts) + 1, np.int32)
        np.cumsum(lengths, out=starts[1:])
        with self._lock:
            self._functions.encode(
                self._encoder, tokens.ctypes.data, starts.ctypes.data, len(texts), vectors.ctypes.data
            )
        return vectors


def _layer(layer: EncoderLayer) -> _Layer:
    return _Layer(
        matrix(layer.queries_keys_values),
        layer.queries_keys_values_bias.ctypes.data,
        matrix(layer.attention_output),
        layer.attention_output_bias.ctypes.data,
        layer.attention_norm.ctypes.data,
        matrix(layer.up),
        layer.up_bias.ctypes.data,
        matrix(layer.down),
        layer.down_bias.ctypes.data,
        layer.norm.ctypes.data,
    )
