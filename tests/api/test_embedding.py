"""Which engine embeds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from api.embedding import open_embedder
from decoding.exact import compiler
from ingest.embedder import EmbedderUnusable
from ingest.encoder_embedder import EncoderEmbedder
from ingest.sentence_embedder import SentenceEmbedder

pytestmark = pytest.mark.models
MODEL = Path("data/models/all-minilm-l6-v2").resolve()


@pytest.mark.skipif(compiler.obstacle() is not None, reason=str(compiler.obstacle()))
def test_the_encoder_where_it_can_run() -> None:
    opened = open_embedder(MODEL, 1)
    assert isinstance(opened.embedder, EncoderEmbedder)
    assert opened.engine == "encoder, 16-bit integers"


def test_sentence_transformers_where_the_processor_lacks_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "processor_flags", lambda: ["avx2"])
    opened = open_embedder(MODEL, 1)
    assert isinstance(opened.embedder, SentenceEmbedder)
    assert opened.engine.startswith(f"sentence-transformers, {opened.embedder.precision} (the ")


def test_sentence_transformers_where_the_kernels_can_not_be_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "obstacle", lambda: None)
    copy = tmp_path / "models" / MODEL.name
    shutil.copytree(MODEL, copy)
    (tmp_path / "models" / ".kernels").write_text("no folder")
    opened = open_embedder(copy, 1)
    assert isinstance(opened.embedder, SentenceEmbedder)
    assert "(compiling kernels.c failed: " in opened.engine


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnusable, match="docqa models fetch nowhere"):
        open_embedder(tmp_path / "nowhere", 1)
