"""An embedding model in the sentence-transformers format, from a local folder.

What the splitter and the vector store need (token counts, window, dimensions, name) is read from small files: the
weights, and the libraries that run them, are loaded when the first text is embedded.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

import numpy as np

from ingest.embedder import EmbedderUnusable, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

Precision = Literal["float32", "bfloat16"]

# Texts of like length per pass. More are not faster on a processor, and a question waits at most for one pass.
BATCH = 16


class SentenceEmbedder:
    """Implements `ingest.embedder.Embedder`; for many threads."""

    def __init__(self, folder: Path, precision: Precision | None = None) -> None:
        """Use the model in ``folder``; ``precision`` left out: bfloat16 where the processor computes in it.

        bfloat16 embeds three times as fast (AVX-512) and keeps 99% of the ten nearest. Raises EmbedderUnusable when
        the folder holds no such model.
        """
        self._folder = folder
        self._precision = precision or ("bfloat16" if _processor_computes_in_bfloat16() else "float32")
        self._lock = Lock()
        try:
            self._window = int(json.loads(self._read("sentence_bert_config.json"))["max_seq_length"])
            self._dimensions = self._output_dimensions()
        except (ValueError, LookupError, TypeError) as error:
            raise EmbedderUnusable(f"{folder} holds no sentence-transformers model: {error!r}") from error

    def __reduce__(self) -> tuple[type[SentenceEmbedder], tuple[Path, Precision]]:
        """Sent to another process it is made there anew, from its folder."""
        return SentenceEmbedder, (self._folder, self._precision)

    @property
    def name(self) -> str:
        """Model and precision: vectors of one are not mixed with those of the other."""
        return f"{self._folder.name}/{self._precision}"

    @property
    def dimensions(self) -> int:
        """See `Embedder.dimensions`."""
        return self._dimensions

    @property
    def max_tokens(self) -> int:
        """See `Embedder.max_tokens`."""
        return self._window - self._tokenizer.num_special_tokens_to_add(is_pair=False)

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        return "_model" in self.__dict__

    def count_tokens(self, text: str) -> int:
        """See `Embedder.count_tokens`."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. The first call loads the model (seconds)."""
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        longest_first = sorted(range(len(texts)), key=lambda index: (-len(texts[index]), index))
        for start in range(0, len(texts), BATCH):
            batch = longest_first[start : start + BATCH]
            vectors[batch] = self._embed_batch([texts[index] for index in batch])
        return vectors

    def _embed_batch(self, texts: list[str]) -> Vectors:
        # The tokenizer is not for two threads at once. The lock is taken per batch, so that a question comes between.
        with self._lock:
            embedded = self._model.encode(texts, batch_size=BATCH, convert_to_tensor=True, show_progress_bar=False)
        rows: Vectors = embedded.float().cpu().numpy()
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self._read("tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _model(self) -> SentenceTransformer:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model = SentenceTransformer(
                str(self._folder),
                device="cpu",
                local_files_only=True,
                model_kwargs={"dtype": getattr(torch, self._precision)},
            )
        except Exception as error:  # whatever the libraries make of files that are not what they should be
            raise EmbedderUnusable(
                f"{self._folder} can't be loaded ({error}); check it with: docqa models verify {self._folder.name}"
            ) from error
        return model.eval()

    def _output_dimensions(self) -> int:
        """Width of what the last module that has one puts out: a dense layer, else the pooling."""
        modules = json.loads(self._read("modules.json"))
        sized = [module for module in modules if module["type"].endswith((".Dense", ".Pooling"))]
        config = json.loads(self._read(f"{sized[-1]['path']}/config.json"))
        return int(config["out_features"] if "out_features" in config else config["word_embedding_dimension"])

    def _read(self, file: str) -> str:
        try:
            return (self._folder / file).read_text(encoding="utf-8")
        except OSError as error:
            raise EmbedderUnusable(
                f"{self._folder} holds no sentence-transformers model ({file}: {error.strerror}); "
                f"fetch it with: docqa models fetch {self._folder.name}"
            ) from error


def _processor_computes_in_bfloat16() -> bool:
    """Whether matrix products in bfloat16 run in hardware; asks the system, for torch takes seconds to import."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # no Linux
        return False
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    return x86 and ("avx512_bf16" in flags or "amx_bf16" in flags)
