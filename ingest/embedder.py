"""Texts to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


class EmbedderUnusable(Exception):
    """The model's files are missing or are not what they should be; the message says what to do."""


class Embedder(Protocol):
    """Law: the same texts give the same vectors; rows have unit length, so that a dot product is the cosine.

    A text's vector may differ in its last bits with the texts beside it and with the arithmetic of the machine, never
    enough to matter (cosine > 0.999).
    """

    @property
    def name(self) -> str:
        """Names the model; vectors of different names never share a collection."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Word pieces that fit into one text, without the special ones; what is longer is cut off unseen."""
        ...

    def count_tokens(self, text: str) -> int:
        """Word pieces of ``text``, without special ones."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 of shape (len(texts), dimensions)."""
        ...
