"""An embedding model whose forward pass is somebody else's: texts are turned into token ids here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ingest.embedder import Vectors
from ingest.sentence_model import SentenceModel


class Encoder(Protocol):
    """Token ids of texts, special ones included, to their vectors; for many threads.

    Law: a text's vector is the same to the last bit whatever texts are beside it.
    """

    def encode(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """float32 of shape (len(texts), dimensions), rows of unit length. Raises ValueError for damaged weights."""
        ...


class EncoderEmbedder:
    """Implements `ingest.embedder.Embedder`; for many threads."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        """``encoder`` runs the model in ``folder``. Raises EmbedderUnusable when the folder holds no such model."""
        self._model = SentenceModel(folder)
        self._encoder = encoder

    @property
    def name(self) -> str:
        """See `Embedder.name`."""
        return self._model.name

    @property
    def dimensions(self) -> int:
        """See `Embedder.dimensions`."""
        return self._model.dimensions

    @property
    def max_tokens(self) -> int:
        """See `Embedder.max_tokens`."""
        return self._model.max_tokens

    def count_tokens(self, text: str) -> int:
        """See `Embedder.count_tokens`."""
        return self._model.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. The first call loads the weights. Raises EmbedderUnusable where they are damaged."""
        ids = self._model.token_ids(texts)
        # Long ones first, so that no thread begins one when the others have ended.
        longest_first = sorted(range(len(ids)), key=lambda index: -len(ids[index]))
        vectors = np.empty((len(ids), self.dimensions), np.float32)
        try:
            vectors[longest_first] = self._encoder.encode([ids[index] for index in longest_first])
        except ValueError as error:
            raise self._model.unloadable(error) from error
        return vectors
