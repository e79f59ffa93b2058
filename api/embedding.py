"""Which engine embeds texts on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.embedder import Embedder


@dataclass(frozen=True, slots=True)
class OpenedEmbedder:
    """``engine`` says in a few words what runs the model, and why."""

    embedder: Embedder
    engine: str


def open_embedder(folder: Path, threads: int) -> OpenedEmbedder:
    """The model in ``folder`` on the fastest engine that can run it here; no weights are read yet.

    Both engines give the same vectors but for their last digits. Raises `ingest.embedder.EmbedderUnusable`.
    """
    from decoding.encoder.loading import open_encoder
    from decoding.exact.compiler import KernelsUnavailable
    from decoding.exact.shape import UnsupportedModel

    try:
        encoder = open_encoder(folder, threads, folder.parent / ".kernels")
    except (UnsupportedModel, KernelsUnavailable) as error:
        return _by_sentence_transformers(folder, threads, str(error).splitlines()[0])
    from ingest.encoder_embedder import EncoderEmbedder

    return OpenedEmbedder(EncoderEmbedder(folder, encoder), "encoder, 16-bit integers")


def _by_sentence_transformers(folder: Path, threads: int, reason: str) -> OpenedEmbedder:
    import torch

    from ingest.sentence_embedder import SentenceEmbedder

    torch.set_num_threads(threads)
    embedder = SentenceEmbedder(folder)
    return OpenedEmbedder(embedder, f"sentence-transformers, {embedder.precision} ({reason})")
