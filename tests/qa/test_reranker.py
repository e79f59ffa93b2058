from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api.cores import Cores, TurnTakingReranker
from ingest.contextual import contextual_text
from qa.cross_encoder import CrossEncoderReranker
from qa.reranker import Reranker, RerankerUnusable, RerankingRetriever
from tests.contracts.reranker import QUESTION, TEXTS, RerankerContract
from tests.contracts.retriever import MakeRetriever, RetrieverContract
from tests.fakes.qa import WordReranker
from tests.qa.library import manuals

TOKENIZER = Path("data/models/all-minilm-l6-v2")


def write_model(folder: Path, labels: int = 1) -> Path:
    """A cross-encoder of one layer with random weights and the words of the default embedder."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=30_522,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.5,
    )
    config.num_labels = labels
    BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (TOKENIZER / name).exists():
            shutil.copy(TOKENIZER / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("reranker"))


class TestWordReranker(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Reranker:
        return WordReranker()


class TestTurnTakingReranker(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Reranker:
        return TurnTakingReranker(WordReranker(), Cores())


@pytest.mark.models
class TestCrossEncoderReranker(RerankerContract):
    @pytest.fixture
    def reranker(self, model: Path) -> Reranker:
        return CrossEncoderReranker(model)

    def test_scores_are_those_of_the_library_model(self, model: Path, reranker: Reranker) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(model)
        classifier = AutoModelForSequenceClassification.from_pretrained(model).eval()
        texts = [text for text in TEXTS if text]  # without one the tokenizer makes no pair
        expected = []
        with torch.inference_mode():
            for text in texts:
                pair = tokenizer(QUESTION, text, truncation=True, return_tensors="pt")
                expected.append(torch.sigmoid(classifier(**pair).logits[0, 0]).item())
        assert reranker.relevance(QUESTION, texts) == pytest.approx(expected, abs=1e-5)
        assert len({round(score, 4) for score in expected}) == len(texts)

    def test_several_threads_may_ask(self, reranker: Reranker) -> None:
        alone = reranker.relevance(QUESTION, TEXTS)
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: reranker.relevance(QUESTION, TEXTS), range(8))) == [alone] * 8


class TestRerankingRetriever(RetrieverContract):
    @pytest.fixture
    def make(self) -> MakeRetriever:
        return lambda library: RerankingRetriever(library.retriever(), WordReranker())


class Wanting:
    """Finds relevant what holds a word."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.read: list[str] = []

    def relevance(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        self.read.extend(texts)
        return [float(self.word in text) for text in texts]


def test_what_the_reranker_wants_comes_first() -> None:
    library = manuals()
    before = library.retriever().retrieve("pairing window", "default", 50)
    assert "glycol" not in before[0].stored.passage.text
    wanting = Wanting("glycol")
    after = RerankingRetriever(library.retriever(), wanting).retrieve("pairing window", "default", 50)
    assert "glycol" in after[0].stored.passage.text
    assert {passage.stored.id for passage in after} == {passage.stored.id for passage in before}
    assert wanting.read == [contextual_text(p.stored.revision.title, p.stored.passage) for p in before]
    wanted = next(passage for passage in before if passage.stored.id == after[0].stored.id)
    assert (after[0].similarity, after[0].lexical) == (wanted.similarity, wanted.lexical)
    assert after[0].score == pytest.approx(wanted.score + 1.0)


def test_no_more_than_the_depth_is_read_and_a_longer_list_begins_alike() -> None:
    library = manuals()
    wanting = Wanting("glycol")
    retriever = RerankingRetriever(library.retriever(), wanting, depth=3)
    long = [passage.stored.id for passage in retriever.retrieve("pairing window", "default", 50)]
    assert len(wanting.read) == 3 < len(long)
    for k in (1, 2, 3):
        assert [passage.stored.id for passage in retriever.retrieve("pairing window", "default", k)] == long[:k]


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RerankerUnusable, match="holds no cross-encoder: name the folder of one"):
        CrossEncoderReranker(tmp_path).relevance(QUESTION, TEXTS)


@pytest.mark.models
def test_damaged_weights_are_named(model: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(model, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(RerankerUnusable, match="damaged can't be loaded as a cross-encoder"):
        CrossEncoderReranker(damaged).relevance(QUESTION, TEXTS)


@pytest.mark.models
def test_a_classifier_of_several_kinds_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path, labels=3)
    assert len(json.loads((folder / "config.json").read_text())["id2label"]) == 3
    with pytest.raises(RerankerUnusable, match="gives 3 scores to a passage; a reranker gives one"):
        CrossEncoderReranker(folder).relevance(QUESTION, TEXTS)
