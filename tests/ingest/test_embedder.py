from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ingest.embedder import Embedder, EmbedderUnusable
from ingest.sentence_embedder import SentenceEmbedder
from tests.contracts.embedder import TEXTS, EmbedderContract
from tests.fakes.embedder import HashEmbedder

MODEL = Path("data/models/all-minilm-l6-v2")


class TestHashEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashEmbedder()


@pytest.fixture(scope="module")
def minilm() -> SentenceEmbedder:
    return SentenceEmbedder(MODEL)


@pytest.mark.models
class TestSentenceEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, minilm: SentenceEmbedder) -> Embedder:
        return minilm


@pytest.mark.models
def test_the_window_is_the_models_without_its_special_tokens(minilm: SentenceEmbedder) -> None:
    assert minilm.max_tokens == 254
    assert minilm.dimensions == 384
    full = "alarm " * minilm.max_tokens
    assert minilm.count_tokens(full) == minilm.max_tokens
    inside, seen, unseen = minilm.embed([full, full + "alarm", full + "invoice " * 100])
    assert inside @ seen > 0.9999
    assert inside @ unseen > 0.9999


@pytest.mark.models
def test_tokens_are_counted_as_the_model_counts_them(minilm: SentenceEmbedder) -> None:
    minilm.embed(["load"])
    for text in (*TEXTS[:3], "sp_close_month(HB-423) naïve Größe"):
        assert minilm.count_tokens(text) == len(minilm._model.tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.models
def test_bfloat16_ranks_as_float32_does() -> None:
    words = ["alarm", "battery", "sensor", "invoice", "calibration", "leave", "password", "gateway", "month", "pump"]
    passages = [f"How the {a} depends on the {b} when the {c} fails" for a in words for b in words for c in words[:4]]
    questions = [f"Why does the {a} stop after the {b} was changed?" for a in words for b in words[:3]]
    nearest: list[list[set[int]]] = []
    for precision in ("float32", "bfloat16"):
        embedder = SentenceEmbedder(MODEL, precision)
        assert embedder.name == f"all-minilm-l6-v2/{precision}"
        scores = embedder.embed(questions) @ embedder.embed(passages).T
        nearest.append([set(row.tolist()) for row in np.argsort(-scores, axis=1)[:, :10]])
    kept = sum(len(exact & rounded) for exact, rounded in zip(*nearest, strict=True))
    assert kept >= 0.9 * 10 * len(questions)


@pytest.mark.models
def test_neither_names_nor_counts_load_the_weights() -> None:
    look = (
        "import sys; from pathlib import Path; from ingest.sentence_embedder import SentenceEmbedder;"
        f"embedder = SentenceEmbedder(Path({str(MODEL)!r}));"
        "print(embedder.count_tokens('reset the alarm'), embedder.max_tokens, embedder.dimensions, embedder.loaded,"
        "[name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules], embedder.name)"
    )
    output = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert output.startswith("3 254 384 False [] all-minilm-l6-v2/")


def test_a_missing_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnusable, match="docqa models fetch nowhere"):
        SentenceEmbedder(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"max_seq_length": "many"}', "\x00"])
def test_a_folder_with_other_content_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "sentence_bert_config.json").write_text(content)
    (tmp_path / "modules.json").write_text(json.dumps([]))
    with pytest.raises(EmbedderUnusable, match="holds no sentence-transformers model"):
        SentenceEmbedder(tmp_path)


@pytest.mark.models
def test_a_damaged_weights_file_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(MODEL, copy)
    (copy / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(EmbedderUnusable, match="docqa models verify damaged"):
        SentenceEmbedder(copy).embed(["text"])
