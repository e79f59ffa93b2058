"""Cross-encoders in the sentence-transformers format."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

from qa.reranker import RerankerUnusable

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class CrossEncoderReranker:
    """Implements `qa.reranker.Reranker`; for many threads, one of which reads at a time.

    Each text is read by itself: padding to the length of others would change last digits and cost more than it saves.
    """

    def __init__(self, folder: Path) -> None:
        """``folder`` holds the model; its weights are loaded when the first text is read."""
        self._folder = folder
        self._lock = Lock()

    def relevance(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """See `Reranker.relevance`. What does not fit into the model's window is cut off at the end."""
        if not texts:
            return []
        import torch

        with self._lock:
            scores = self._model.predict(
                [(question, text) for text in texts],
                batch_size=1,
                activation_fn=torch.nn.Sigmoid(),
                show_progress_bar=False,
            )
        return [float(score) for score in scores]

    @cached_property
    def _model(self) -> CrossEncoder:
        from sentence_transformers import CrossEncoder

        if not (self._folder / "config.json").is_file():
            raise RerankerUnusable(
                f"{self._folder} holds no cross-encoder: name the folder of one in the sentence-transformers format, "
                "or leave the setting reranker out"
            )
        try:
            model = CrossEncoder(str(self._folder), device="cpu", local_files_only=True)
        except Exception as error:  # the library raises whatever a damaged file makes it stumble over
            raise RerankerUnusable(f"{self._folder} can't be loaded as a cross-encoder: {error}") from error
        if model.num_labels != 1:
            raise RerankerUnusable(f"{self._folder} gives {model.num_labels} scores to a passage; a reranker gives one")
        return cast("CrossEncoder", model)
