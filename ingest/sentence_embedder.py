"""An embedding model in the sentence-transformers format, run by that library.

What the splitter and the vector store need (token counts, window, dimensions, name) is read from small files: the
weights, and the libraries that run them, are loaded when the first text is embedded.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

import numpy as np

from ingest.embedder import Vectors
from ingest.sentence_model import SentenceModel

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Precision = Literal["float32", "bfloat16"]

# Texts of like length per pass. More are not faster on a processor, and a question waits at most for one pass.
BATCH = 16


class SentenceEmbedder:
    """Implements `ingest.embedder.Embedder`; for many threads."""

    def __init__(self, folder: Path, precision: Precision | None = None) -> None:
        """Use the model in ``folder``; ``precision`` left out: bfloat16 where the processor computes in it.

        bfloat16 embeds two to three times as fast and keeps 99% of the ten nearest. Raises EmbedderUnusable when the
        folder holds no such model.
        """
        self._model = SentenceModel(folder)
        self.precision = precision or ("bfloat16" if _processor_computes_in_bfloat16() else "float32")
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[SentenceEmbedder], tuple[Path, Precision]]:
        """Sent to another process it is made there anew, from its folder."""
        return SentenceEmbedder, (self._model.folder, self.precision)

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

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return "_transformer" in self.__dict__

    def count_tokens(self, text: str) -> int:
        """See `Embedder.count_tokens`."""
        return self._model.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. The first call loads the model (seconds)."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        longest_first = sorted(range(len(texts)), key=lambda index: (-len(texts[index]), index))
        for start in range(0, len(texts), BATCH):
            batch = longest_first[start : start + BATCH]
            vectors[batch] = self._embed_batch([texts[index] for index in batch])
        return vectors

    def _embed_batch(self, texts: list[str]) -> Vectors:
        # The tokenizer is not for two threads at once. The lock is taken per batch, so that a question comes between.
        with self._lock:
            embedded = self._transformer.encode(
                texts, batch_size=BATCH, convert_to_tensor=True, show_progress_bar=False
            )
        rows: Vectors = embedded.float().cpu().numpy()
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    @cached_property
    def _transformer(self) -> SentenceTransformer:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model = SentenceTransformer(
                str(self._model.folder),
                device="cpu",
                local_files_only=True,
                model_kwargs={"dtype": getattr(torch, self.precision)},
            )
        except Exception as error:  # whatever the libraries make of files that are not what they should be
            raise self._model.unloadable(error) from error
        return model.eval()


def _processor_computes_in_bfloat16() -> bool:
    """Whether matrix products in bfloat16 run in hardware; asks the system, for torch takes seconds to import."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # no Linux
        return False
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    return x86 and ("avx512_bf16" in flags or "amx_bf16" in flags)
