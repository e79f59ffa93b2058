from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.encoder.loading import open_encoder
from decoding.exact import compiler
from ingest.embedder import Embedder, EmbedderUnusable
from ingest.encoder_embedder import EncoderEmbedder
from ingest.sentence_embedder import SentenceEmbedder
from ingest.sentence_model import SentenceModel
from tests.contracts.embedder import TEXTS, EmbedderContract
from tests.fakes.embedder import HashEmbedder

MODEL = Path("data/models/all-minilm-l6-v2")


class TestHashEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashEmbedder()


needs_kernels = pytest.mark.skipif(compiler.obstacle() is not None, reason=str(compiler.obstacle()))


def encoder_embedder(folder: Path = MODEL, threads: int = 2) -> EncoderEmbedder:
    return EncoderEmbedder(folder, open_encoder(folder, threads, Path("data/models/.kernels")))


@cache
def sentence_model() -> SentenceModel:
    return SentenceModel(MODEL)


@pytest.fixture(scope="module")
def minilm() -> SentenceEmbedder:
    return SentenceEmbedder(MODEL)


@pytest.mark.models
class TestSentenceEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, minilm: SentenceEmbedder) -> Embedder:
        return minilm


@pytest.fixture(scope="module")
def minilm_encoder() -> EncoderEmbedder:
    return encoder_embedder()


@needs_kernels
@pytest.mark.models
class TestEncoderEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, minilm_encoder: EncoderEmbedder) -> Embedder:
        return minilm_encoder

    def test_not_a_bit_depends_on_the_texts_beside_it_or_on_threads(self, embedder: Embedder) -> None:
        alone = np.concatenate([encoder_embedder(threads=1).embed([text]) for text in TEXTS])
        np.testing.assert_array_equal(embedder.embed(TEXTS * 3), np.concatenate([alone] * 3))


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
        assert minilm.count_tokens(text) == len(
            minilm._transformer.tokenizer(text, add_special_tokens=False)["input_ids"]
        )


@pytest.mark.models
@given(
    parts=st.lists(
        st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf"), whitelist_characters="\n\t"))
        | st.sampled_from(["[SEP]", "[MASK]", "##s", "don't", "naïve", "Größe", "x" * 120, "東京", " ", "  \n"]),
        max_size=20,
    )
)
def test_the_tokens_of_words_are_those_of_the_text(parts: list[str]) -> None:
    model, text = sentence_model(), "".join(parts)
    for _ in range(2):  # the second time from memory
        assert model.count_tokens(text) == len(model._whole.encode(text, add_special_tokens=False)), text


def test_tokens_that_may_reach_over_blanks_are_counted_in_the_whole_text(tmp_path: Path) -> None:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    vocabulary = {"?": 0, "a": 1, " ": 2, "a a": 3}
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in vocabulary], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("\n"), "removed")
    shutil.copytree(MODEL / "1_Pooling", tmp_path / "1_Pooling")
    for name in ("sentence_bert_config.json", "modules.json"):
        shutil.copy(MODEL / name, tmp_path / name)
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str())
    assert SentenceModel(tmp_path).count_tokens("a a") == 1


def ranks(embedder: Embedder) -> list[set[int]]:
    """The ten nearest of 400 passages, for each of 30 questions."""
    words = ["alarm", "battery", "sensor", "invoice", "calibration", "leave", "password", "gateway", "month", "pump"]
    passages = [f"How the {a} depends on the {b} when the {c} fails" for a in words for b in words for c in words[:4]]
    questions = [f"Why does the {a} stop after the {b} was changed?" for a in words for b in words[:3]]
    scores = embedder.embed(questions) @ embedder.embed(passages).T
    return [set(row.tolist()) for row in np.argsort(-scores, axis=1)[:, :10]]


def kept(exact: list[set[int]], rounded: list[set[int]]) -> float:
    return sum(len(first & second) for first, second in zip(exact, rounded, strict=True)) / (10 * len(exact))


@pytest.mark.models
def test_all_arithmetics_rank_alike_under_one_name() -> None:
    exact = SentenceEmbedder(MODEL, "float32")
    rounded = SentenceEmbedder(MODEL, "bfloat16")
    assert kept(ranks(exact), ranks(rounded)) >= 0.9
    names = {exact.name, rounded.name}
    if compiler.obstacle() is None:
        encoder = encoder_embedder()
        assert kept(ranks(exact), ranks(encoder)) >= 0.98
        assert (encoder.embed(TEXTS) * exact.embed(TEXTS)).sum(axis=1).min() > 0.9999
        names.add(encoder.name)
    assert names == {"all-minilm-l6-v2"}


@pytest.mark.models
def test_neither_names_nor_counts_load_the_weights() -> None:
    look = (
        "import sys; from pathlib import Path; from ingest.sentence_embedder import SentenceEmbedder;"
        f"embedder = SentenceEmbedder(Path({str(MODEL)!r}));"
        "print(embedder.count_tokens('reset the alarm'), embedder.max_tokens, embedder.dimensions, embedder.loaded,"
        "[name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules], embedder.name)"
    )
    output = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout
    assert output.startswith("3 254 384 False [] all-minilm-l6-v2")


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


@needs_kernels
@pytest.mark.models
def test_weights_that_the_encoder_can_not_use_are_named(tmp_path: Path) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(MODEL, copy)
    embedder = encoder_embedder(copy)
    (copy / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(EmbedderUnusable, match="docqa models verify damaged"):
        embedder.embed(["text"])
