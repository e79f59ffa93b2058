"""An embedder without a model."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from ingest.embedder import Vectors
from ingest.lexical_query import STOP_WORDS, words_of


class HashEmbedder:
    """Each word that carries meaning adds 1 to the dimension its hash names: texts with common words are near."""

    def __init__(self, dimensions: int = 256) -> None:
        self.dimensions = dimensions
        self.embedded = 0

    @property
    def name(self) -> str:
        return f"hash-{self.dimensions}"

    @property
    def max_tokens(self) -> int:
        return 256

    def count_tokens(self, text: str) -> int:
        return len(words_of(text))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """``embedded`` counts the texts that were ever embedded."""
        self.embedded += len(texts)
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in words_of(text):
                if word not in STOP_WORDS:
                    row[self._dimension(word)] += 1.0
            if not row.any():
                row[0] = 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def _dimension(self, word: str) -> int:
        return int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big") % self.dimensions
