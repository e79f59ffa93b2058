"""OpenAI's bodies of embeddings."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ingest.embedder import Embedder

MAX_TEXTS = 256
MAX_LENGTH = 20_000

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)]
Encoding = Literal["float", "base64"]


class Unembeddable(Exception):
    """A text that does not fit into the model; the message says which."""


class EmbeddingsRequest(BaseModel):
    """OpenAI's request; arrays of token numbers and shorter vectors are not supported."""

    model_config = ConfigDict(extra="ignore")

    model: str
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)] = Field(
        description=f"One text, or up to {MAX_TEXTS}.", examples=[["How often is the inlet filter replaced?"]]
    )
    encoding_format: Encoding = Field("float", description="base64: little-endian 32-bit floats.")
    dimensions: int | None = Field(None, ge=1, description="Only the model's own number.")

    @property
    def texts(self) -> list[str]:
        """The texts as a list."""
        return [self.input] if isinstance(self.input, str) else self.input

    def check(self, embedder: Embedder) -> int:
        """Tokens of all texts. Raises `Unembeddable`: what is too long would be cut off unseen."""
        if self.dimensions not in (None, embedder.dimensions):
            raise Unembeddable(f"vectors of this model have {embedder.dimensions} dimensions, none has fewer")
        counts = [embedder.count_tokens(text) for text in self.texts]
        for number, count in enumerate(counts):
            if count > embedder.max_tokens:
                raise Unembeddable(f"text {number} has {count} tokens, the model takes {embedder.max_tokens} at most")
        return sum(counts)


class Embedding(BaseModel):
    """The vector of one text, of unit length."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """Counts in tokens of the embedding model."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    """The vectors, in the order of the texts."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]], *, model: str, tokens: int, encoding: Encoding) -> Self:
        """The body for these vectors."""
        data = [
            Embedding(index=index, embedding=_base64(row) if encoding == "base64" else list(row))
            for index, row in enumerate(rows)
        ]
        return cls(data=data, model=model, usage=EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens))


def _base64(row: Sequence[float]) -> str:
    return base64.b64encode(np.asarray(row, "<f4").tobytes()).decode()
