from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.components import LocalComponents
from api.data_lock import DataLocked
from api.settings import Settings
from qa.cross_encoder import CrossEncoderReranker
from qa.reranker import RerankerUnusable
from tests.chroma_server import running_chroma
from tests.fakes.embedder import HashEmbedder

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "data" / "models"
DOCUMENTS = REPOSITORY / "docs_corpus" / "documents"
FILES = [DOCUMENTS / "products" / "pipit-quick-start.md", DOCUMENTS / "policies" / "purchasing-policy.md"]


def test_reading_the_catalog_needs_no_lock_and_no_model() -> None:
    with LocalComponents(Settings()) as owner, LocalComponents(Settings()) as reader:
        owner.own_data()
        assert reader.catalog.current() == []
        with pytest.raises(DataLocked):
            reader.own_data()


def test_leaving_gives_the_data_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalComponents, "embedder", HashEmbedder())
    for _ in range(2):
        with LocalComponents(Settings()) as components:
            assert components.vectors.count("default") == 0
            with LocalComponents(Settings()) as other, pytest.raises(DataLocked):
                other.own_data()


@pytest.mark.parametrize("chroma_url", [None, "http://127.0.0.1:9"])
def test_a_job_gives_the_data_back_where_vectors_are_served(
    monkeypatch: pytest.MonkeyPatch, chroma_url: str | None
) -> None:
    monkeypatch.setattr(LocalComponents, "pipeline", "a pipeline")
    settings = Settings(chroma_url=chroma_url)
    with LocalComponents(settings) as serving, LocalComponents(settings) as other:
        serving.own_vectors()
        for _ in range(2):
            with serving.ingesting(), pytest.raises(DataLocked):
                other.own_data()
        if chroma_url is None:
            with pytest.raises(DataLocked):
                other.own_data()
        else:
            other.own_data()
            with pytest.raises(DataLocked), serving.ingesting():
                pass


def test_settings_reach_the_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(LocalComponents, "embedder", HashEmbedder())
    big = tmp_path / "big.txt"
    big.write_text("word " * 300_000)
    with LocalComponents(Settings(max_file_mb=1)) as components:
        report = components.pipeline.ingest([big], "default")
    assert [refusal.source for refusal in report.failed] == ["big.txt"]
    assert Path("data/catalog.sqlite").exists()
    assert Path("data/chroma").is_dir()


def test_a_reranker_orders_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalComponents, "embedder", HashEmbedder())
    monkeypatch.setattr(CrossEncoderReranker, "relevance", lambda _, __, texts: [float("Pipit" in t) for t in texts])
    question, firsts, parts = "purchase quotations", [], list[str]()
    for reranker in (None, Path("reranker")):
        with LocalComponents(Settings(reranker=reranker)) as components:
            components.pipeline.ingest(FILES, "default")
            components.load_search(parts.append)
            firsts.append(components.retriever.retrieve(question, "default", 1)[0].stored.revision.source)
    assert firsts == ["purchasing-policy.md", "pipit-quick-start.md"]
    assert parts == ["index", "embedder", "index", "embedder", "reranker"]


def test_a_reranker_that_is_missing_ends_the_loading(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(LocalComponents, "embedder", HashEmbedder())
    with (
        LocalComponents(Settings(reranker=tmp_path)) as components,
        pytest.raises(RerankerUnusable, match="or leave the setting reranker out"),
    ):
        components.load_search(lambda _: None)


def test_with_a_chroma_server_one_process_answers_while_another_ingests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(LocalComponents, "embedder", HashEmbedder())
    with running_chroma(tmp_path / "served") as url:
        settings = Settings(chroma_url=url)
        with LocalComponents(settings) as serving, LocalComponents(settings) as ingesting:
            assert list(serving.retriever.retrieve("purchase quotations", "default", 3)) == []
            assert len(ingesting.pipeline.ingest(FILES, "default").added) == 2
            found = serving.retriever.retrieve("purchase quotations", "default", 3)
            assert found
            assert any(passage.similarity is not None for passage in found)
            with pytest.raises(DataLocked, match="DOCQA_CHROMA_URL"):
                _ = serving.pipeline


async def text_of(client: httpx.AsyncClient, cited: dict[str, Any]) -> str:
    """Canonical text of the revision that a citation or a source names."""
    revision = await client.get(f"/v1/documents/{cited['document']}/revisions/{cited['revision']}")
    return str(revision.json()["text"])


@pytest.mark.models
@pytest.mark.anyio
async def test_from_files_to_a_cited_answer_over_http(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(MODELS)
    settings = Settings(data_dir=data, model="smollm2-135m-instruct", threads=1, max_output_tokens=48)
    loaded = threading.Event()
    with LocalComponents(settings) as components:
        assert len(components.pipeline.ingest(FILES, "default").added) == 2
        app = create_app(components, lambda _: loaded.set())
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=None) as client,
        ):
            assert loaded.wait(120)
            assert (await client.get("/readyz")).status_code == 200
            ask = {"question": "From which amount on must three quotations be obtained for a purchase?"}
            whole = (await client.post("/v1/answers", json=ask)).json()
            streamed = await client.post("/v1/answers", json=ask, headers={"Accept": "text/event-stream"})
            last = json.loads(streamed.text.strip().split("\n\n")[-1].split("data: ")[1])
            for passage in (*whole["sources"], *whole["nearest"]):
                assert (await text_of(client, passage))[slice(*passage["span"])] == passage["text"]
            for sentence in whole["sentences"]:
                assert whole["answer"][slice(*sentence["span"])] == sentence["text"]
                for citation in sentence["citations"]:
                    revision = await client.get(
                        f"/v1/documents/{citation['document']}/revisions/{citation['revision']}"
                    )
                    assert revision.json()["text"][slice(*citation["span"])] == citation["quote"]
    assert whole["sources"] or whole["nearest"]
    assert whole["stats"]["output_tokens"] > 0
    # The second time the answer is drafted from the first.
    apart = {"id": "", "stats": {}, "drafted": []}
    assert {**whole, **apart} == {**last, **apart}
