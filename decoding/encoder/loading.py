"""From a model's folder to an encoder, where this machine has what its kernels need."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock

from decoding.encoder.checkpoint import read_shape, read_weights
from decoding.encoder.kernels import SOURCE, EncoderKernels
from decoding.exact import compiler
from decoding.exact.layout import Floats


class Encoder:
    """Token ids of texts to vectors; for many threads. The weights are read when the first text is encoded."""

    def __init__(self, folder: Path, library: Path, threads: int) -> None:
        """``library`` as `open_encoder` has it. Raises `UnsupportedModel` for a folder with another kind of model."""
        self._folder = folder
        self._library = library
        self._threads = threads
        self._shape = read_shape(folder)
        self._loading = Lock()

    def __reduce__(self) -> tuple[type[Encoder], tuple[Path, Path, int]]:
        """Sent to another process it is made there anew, from its folder."""
        return Encoder, (self._folder, self._library, self._threads)

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return "_kernels" in self.__dict__

    def encode(self, texts: Sequence[Sequence[int]]) -> Floats:
        """See `EncoderKernels.encode`. The first call raises `UnsupportedModel` when the weights are damaged."""
        with self._loading:
            kernels = self._kernels
        return kernels.encode(texts)

    @cached_property
    def _kernels(self) -> EncoderKernels:
        return EncoderKernels(self._library, self._shape, read_weights(self._folder, self._shape), self._threads)


def open_encoder(folder: Path, threads: int, cache: Path) -> Encoder:
    """The model in ``folder``; compiled kernels are kept in ``cache`` (3 s the first time).

    Raises `decoding.exact.compiler.KernelsUnavailable` where the kernels can't run, and
    `decoding.exact.shape.UnsupportedModel` for a model that they can't run.
    """
    obstacle = compiler.obstacle()
    if obstacle is not None:
        raise compiler.KernelsUnavailable(obstacle)
    read_shape(folder)  # before anything is compiled for nothing
    library = compiler.library(cache, SOURCE)
    compiler.opened(library)
    return Encoder(folder, library, threads)
