from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from ingest import chroma_vectors
from ingest.chroma_vectors import ChromaVectors
from ingest.vectors import VectorStore, VectorsUnusable
from tests.chroma_server import running_chroma
from tests.contracts.vectors import VectorStoreContract, ids_of, random_rows, unit
from tests.fakes.vectors import MemoryVectors


class TestMemoryVectors(VectorStoreContract):
    @pytest.fixture
    def vectors(self) -> VectorStore:
        return MemoryVectors()


class TestChromaVectors(VectorStoreContract):
    @pytest.fixture
    def vectors(self, tmp_path: Path) -> Iterator[VectorStore]:
        vectors = ChromaVectors(tmp_path / "chroma", "model/float32")
        yield vectors
        vectors.close()


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[ChromaVectors]:
    vectors = ChromaVectors(tmp_path / "chroma", "model/float32")
    yield vectors
    vectors.close()


def test_thousands_of_vectors_survive_a_restart(tmp_path: Path) -> None:
    rows = random_rows(2_500, 64)
    first = ChromaVectors(tmp_path, "model")
    for part in range(5):
        first.upsert("default", [(f"r{part}", ids_of(f"r{part}", 500), rows[part * 500 : part * 500 + 500])])
    first.delete_revision("default", "r2")
    expected = [first.query("default", query, 10) for query in random_rows(5, 64, seed=3)]
    first.close()
    again = ChromaVectors(tmp_path, "model")
    assert again.counts("default") == {"r0": 500, "r1": 500, "r3": 500, "r4": 500}
    assert [again.query("default", query, 10) for query in random_rows(5, 64, seed=3)] == expected
    again.close()


@pytest.mark.parametrize("before", ["model/bfloat16", "model/float32"])
def test_vectors_of_versions_that_named_the_arithmetic_are_used_on(tmp_path: Path, before: str) -> None:
    rows = random_rows(30, 8)
    for name in (before, "other/bfloat16"):
        with closing(ChromaVectors(tmp_path, name)) as old:
            old.upsert("default", [("r1", ids_of("r1", 30), rows)])
    for _ in range(2):
        with closing(ChromaVectors(tmp_path, "model")) as vectors:
            assert vectors.counts("default") == {"r1": 30}
            assert vectors.query("default", rows[7], 1)[0].passage_id == ids_of("r1", 30)[7]
    with closing(ChromaVectors(tmp_path, before)) as left:
        assert left.collections() == []
    with closing(ChromaVectors(tmp_path, "other/bfloat16")) as other:
        assert other.counts("default") == {"r1": 30}


def test_vectors_made_under_the_present_name_are_preferred(tmp_path: Path) -> None:
    for name, revision in (("model", "r2"), ("model/bfloat16", "r1")):
        with closing(ChromaVectors(tmp_path, name)) as old:
            old.upsert("default", [(revision, ids_of(revision, 5), random_rows(5, 8))])
    with closing(ChromaVectors(tmp_path, "model")) as vectors:
        assert vectors.counts("default") == {"r2": 5}


def test_more_vectors_than_chroma_takes_at_once(vectors: ChromaVectors) -> None:
    count = vectors._batch + 10
    rows = random_rows(count, 4)
    vectors.upsert("default", [("r1", ids_of("r1", count), rows)])
    assert vectors.counts("default") == {"r1": count}


def test_embedders_are_apart(tmp_path: Path) -> None:
    small = ChromaVectors(tmp_path, "small")
    large = ChromaVectors(tmp_path, "large")
    small.upsert("default", [("r1", ids_of("r1", 2), random_rows(2, 4))])
    large.upsert("default", [("r1", ids_of("r1", 3), random_rows(3, 8))])
    assert (small.count("default"), large.count("default")) == (2, 3)
    small.close()
    large.close()
    again = ChromaVectors(tmp_path, "small")
    assert again.count("default") == 2
    again.close()


def _editions(vectors: ChromaVectors) -> list[Any]:
    return sorted(vectors._client.list_collections(), key=lambda edition: edition.name)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma_vectors, "MIN_DEAD", 50)


@pytest.mark.usefixtures("eager")
def test_a_collection_that_is_more_dead_than_alive_is_copied(tmp_path: Path) -> None:
    vectors = ChromaVectors(tmp_path, "model")
    rows = random_rows(40)
    for revision in range(6):
        vectors.upsert("default", [(f"r{revision}", ids_of(f"r{revision}", 40), rows)])
        if revision:
            vectors.delete_revision("default", f"r{revision - 1}")
        assert [hit.passage_id for hit in vectors.query("default", rows[7], 1)] == [f"r{revision}-00007"]
    assert [(e.metadata["edition"], e.metadata["dead"]) for e in _editions(vectors)] == [(2, 80), (3, 40)]
    expected = vectors.query("default", rows[0], 40)
    vectors.close()
    again = ChromaVectors(tmp_path, "model")
    assert again.query("default", rows[0], 40) == expected
    assert [(e.metadata["edition"], e.metadata["dead"]) for e in _editions(again)] == [(3, 40)]
    again.close()


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("step", ["upsert", "modify"])
def test_a_crash_while_copying_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    from chromadb.api.models.Collection import Collection

    vectors = ChromaVectors(tmp_path, "model")
    rows = random_rows(120)
    vectors.upsert("default", [("old", ids_of("old", 80), rows[:80])])
    vectors.upsert("default", [("new", ids_of("new", 40), rows[80:])])
    original = getattr(Collection, step)

    def copying_crashes(self: Collection, **arguments: object) -> None:
        if self.name.endswith("-2"):
            raise KeyboardInterrupt
        original(self, **arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, step, copying_crashes)
        with pytest.raises(KeyboardInterrupt):
            vectors.delete_revision("default", "old")
    assert vectors.counts("default") == {"new": 40}
    vectors.close()
    again = ChromaVectors(tmp_path, "model")
    assert again.counts("default") == {"new": 40}
    assert len(again._client.list_collections()) == 1
    again.close()


@pytest.mark.usefixtures("eager")
def test_queries_go_on_while_others_write(vectors: ChromaVectors) -> None:
    rows = random_rows(60)
    vectors.upsert("default", [("keep", ids_of("keep", 60), rows)])
    done = Event()

    def read() -> int:
        rounds = 0
        while not done.is_set() or rounds == 0:
            hits = vectors.query("default", rows[rounds % 60], 3)
            assert hits[0].similarity == pytest.approx(1, abs=1e-5)
            rounds += 1
        return rounds

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            for n in range(15):
                vectors.upsert("default", [(f"r{n}", ids_of(f"r{n}", 60), random_rows(60, seed=n + 1))])
                vectors.delete_revision("default", f"r{n}")
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)
    assert vectors.counts("default") == {"keep": 60}


def test_recall_on_clustered_vectors(vectors: ChromaVectors) -> None:
    """Real passages crowd together; with the library's own settings this finds 98% of the forty nearest."""
    generator = np.random.default_rng(5)
    centres = generator.normal(size=(300, 384))
    rows = unit((centres[generator.integers(0, 300, 3_000)] + 0.9 * generator.normal(size=(3_000, 384))).tolist())
    ids = ids_of("r1", len(rows))
    vectors.upsert("default", [("r1", ids, rows)])
    found = 0
    for query in rows[:100]:
        nearest = {ids[n] for n in np.argsort(-(rows @ query))[:40]}
        found += len(nearest & {hit.passage_id for hit in vectors.query("default", query, 40)})
    assert found >= 0.995 * 100 * 40


def test_a_torn_graph_is_given_up_and_nothing_else(tmp_path: Path) -> None:
    vectors = ChromaVectors(tmp_path, "model")
    for name in ("torn", "whole"):
        vectors.upsert(name, [("r1", ids_of("r1", 1_500), random_rows(1_500))])
    torn = vectors._editions["torn"].name
    vectors.close()
    with closing(sqlite3.connect(tmp_path / "chroma.sqlite3")) as connection:
        query = "SELECT s.id FROM segments s JOIN collections c ON c.id = s.collection WHERE c.name = ? AND s.scope = ?"
        (segment,) = connection.execute(query, [torn, "VECTOR"]).fetchone()
    (tmp_path / segment / "index_metadata.pickle").write_bytes(b"torn")
    again = ChromaVectors(tmp_path, "model")
    assert (again.count("torn"), again.count("whole")) == (0, 1_500)
    again.upsert("torn", [("r1", ids_of("r1", 5), random_rows(5))])
    assert again.counts("torn") == {"r1": 5}
    again.close()


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").write_bytes(b"not a database" * 1_000)
    with pytest.raises(VectorsUnusable, match="delete this folder"):
        ChromaVectors(tmp_path, "model")


@pytest.fixture(scope="module")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_chroma(tmp_path_factory.mktemp("served")) as url:
        yield url


class TestServedChromaVectors(VectorStoreContract):
    @pytest.fixture
    def vectors(self, chroma_server: str, tmp_path: Path) -> Iterator[VectorStore]:
        vectors = ChromaVectors(chroma_server, f"model of {tmp_path}")
        yield vectors
        vectors.close()


@pytest.mark.usefixtures("eager")
def test_one_process_searches_what_another_writes_to_a_server(chroma_server: str, tmp_path: Path) -> None:
    writer, reader = (ChromaVectors(chroma_server, f"model of {tmp_path}") for _ in range(2))
    rows = random_rows(1_200, 16)
    for revision in range(4):
        writer.upsert("default", [(f"r{revision}", ids_of(f"r{revision}", 1_200), rows)])
        if revision:
            writer.delete_revision("default", f"r{revision - 1}")
        hits = reader.query("default", rows[7], 5)
        assert hits[0].passage_id == f"r{revision}-00007"
        assert {hit.revision_id for hit in hits} == {f"r{revision}"}
    writer.replace("default", [("new", ids_of("new", 10), rows[:10])])
    assert reader.counts("default") == {"new": 10}
    assert reader.query("default", rows[3], 1)[0].passage_id == "new-00003"
    writer.close()
    reader.close()


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(VectorsUnusable, match=r"127\.0\.0\.1:9"):
        ChromaVectors("http://127.0.0.1:9", "model")
