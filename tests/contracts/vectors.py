"""What every vector store must do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from ingest.vectors import VectorStore

Rows = npt.NDArray[np.float32]


def unit(rows: Sequence[Sequence[float]]) -> Rows:
    """Rows scaled to length 1."""
    matrix = np.array(rows, dtype=np.float32)
    scaled: Rows = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return scaled


def random_rows(count: int, dimensions: int = 32, seed: int = 0) -> Rows:
    """Random directions."""
    return unit(np.random.default_rng(seed).normal(size=(count, dimensions)).tolist())


def ids_of(revision: str, count: int) -> list[str]:
    """Passage ids as the catalog makes them."""
    return [f"{revision}-{n:05d}" for n in range(count)]


class VectorStoreContract:
    """Subclasses provide the fixture ``vectors``."""

    def test_an_empty_store_holds_nothing(self, vectors: VectorStore) -> None:
        assert vectors.query("default", random_rows(1)[0], 5) == []
        assert vectors.count("default") == 0
        assert vectors.counts("default") == {}
        assert vectors.collections() == []
        vectors.delete_revision("default", "r1")

    def test_the_nearest_come_first_with_their_cosine(self, vectors: VectorStore) -> None:
        rows = unit([[1, 0, 0], [1, 1, 0], [0, 1, 0], [-1, 0, 0]])
        vectors.upsert("default", [("r1", ids_of("r1", 4), rows)])
        hits = vectors.query("default", rows[0], 4)
        assert [hit.passage_id for hit in hits] == ids_of("r1", 4)
        assert [hit.similarity for hit in hits] == pytest.approx([1, 0.5**0.5, 0, -1], abs=1e-5)
        assert {hit.revision_id for hit in hits} == {"r1"}
        assert all(-1 <= hit.similarity <= 1 for hit in hits)

    def test_it_returns_k_or_all(self, vectors: VectorStore) -> None:
        rows = random_rows(20)
        vectors.upsert("default", [("r1", ids_of("r1", 20), rows)])
        every = vectors.query("default", rows[3], 100)
        assert len(every) == 20
        for k in (0, 1, 7, 20):
            assert vectors.query("default", rows[3], k) == every[:k]

    def test_ties_are_broken_by_id(self, vectors: VectorStore) -> None:
        same = np.repeat(random_rows(1), 4, axis=0)
        for revision in ("r3", "r1", "r2"):
            vectors.upsert("default", [(revision, list(reversed(ids_of(revision, 4))), same)])
        expected = [id for revision in ("r1", "r2", "r3") for id in ids_of(revision, 4)]
        assert [hit.passage_id for hit in vectors.query("default", same[0], 12)] == expected
        assert [hit.passage_id for hit in vectors.query("default", same[0], 5)] == expected[:5]

    def test_it_agrees_with_brute_force(self, vectors: VectorStore) -> None:
        rows = random_rows(700, seed=1)
        ids = ids_of("r1", 700)
        vectors.upsert("default", [("r1", ids, rows)])
        for query in random_rows(10, seed=2):
            nearest = np.argsort(-(rows @ query), kind="stable")[:10]
            assert [hit.passage_id for hit in vectors.query("default", query, 10)] == [ids[n] for n in nearest]

    def test_given_passages_are_scored_as_by_a_query(self, vectors: VectorStore) -> None:
        rows = random_rows(30)
        vectors.upsert("default", [("r1", ids_of("r1", 20), rows[:20])])
        vectors.upsert("default", [("r2", ids_of("r2", 10), rows[20:])])
        asked = random_rows(1, seed=1)[0]
        every = vectors.query("default", asked, 30)
        some = ["r2-00003", "r1-00019", "r1-00000", "unknown", "r1-00000"]
        found = vectors.compare("default", some, asked)
        expected = [hit for hit in every if hit.passage_id in some]
        assert [(hit.passage_id, hit.revision_id) for hit in found] == [
            (hit.passage_id, hit.revision_id) for hit in expected
        ]
        assert [hit.similarity for hit in found] == pytest.approx([hit.similarity for hit in expected], abs=1e-5)
        assert vectors.compare("default", [], asked) == []
        assert vectors.compare("default", ["unknown"], asked) == []
        assert vectors.compare("elsewhere", some, asked) == []

    def test_an_upsert_replaces_what_has_the_same_id(self, vectors: VectorStore) -> None:
        rows = unit([[1, 0], [0, 1]])
        vectors.upsert("default", [("r1", ["a"], rows[:1])])
        vectors.upsert("default", [("r1", ["a"], rows[1:])])
        assert vectors.count("default") == 1
        assert vectors.query("default", rows[1], 1)[0].similarity == pytest.approx(1, abs=1e-5)

    def test_counts_are_by_revision(self, vectors: VectorStore) -> None:
        vectors.upsert("default", [("r1", ids_of("r1", 3), random_rows(3))])
        vectors.upsert("default", [("r2", ids_of("r2", 2), random_rows(2, seed=1))])
        assert vectors.counts("default") == {"r1": 3, "r2": 2}
        assert vectors.count("default") == 5

    def test_batches_of_several_revisions_are_stored_at_once(self, vectors: VectorStore) -> None:
        rows = random_rows(5)
        vectors.upsert("default", [("r1", ids_of("r1", 3), rows[:3]), ("r2", ids_of("r2", 2), rows[3:])])
        assert vectors.counts("default") == {"r1": 3, "r2": 2}
        for row, id, revision in ((rows[2], "r1-00002", "r1"), (rows[3], "r2-00000", "r2")):
            hit = vectors.query("default", row, 1)[0]
            assert (hit.passage_id, hit.revision_id) == (id, revision)

    def test_a_deleted_revision_is_gone_and_others_stay(self, vectors: VectorStore) -> None:
        rows = random_rows(6)
        vectors.upsert("default", [("r1", ids_of("r1", 3), rows[:3])])
        vectors.upsert("default", [("r2", ids_of("r2", 3), rows[3:])])
        vectors.delete_revision("default", "r1")
        vectors.delete_revision("default", "r1")
        assert vectors.counts("default") == {"r2": 3}
        assert {hit.revision_id for hit in vectors.query("default", rows[0], 10)} == {"r2"}
        vectors.upsert("default", [("r1", ids_of("r1", 3), rows[:3])])
        assert vectors.query("default", rows[0], 1)[0].passage_id == "r1-00000"

    def test_collections_are_apart(self, vectors: VectorStore) -> None:
        rows = random_rows(2)
        names = ["Übersicht / 2024", "a", "A"]
        for name in names:
            vectors.upsert(name, [(f"in {name}", [f"{name}-0"], rows[:1])])
        assert vectors.collections() == sorted(names)
        for name in names:
            assert [hit.revision_id for hit in vectors.query(name, rows[0], 5)] == [f"in {name}"]
            vectors.delete_revision(name, "in a")
        assert [vectors.count(name) for name in names] == [1, 0, 1]

    def test_as_many_vectors_as_ids(self, vectors: VectorStore) -> None:
        with pytest.raises(ValueError, match="2"):
            vectors.upsert("default", [("r1", ["a", "b"], random_rows(3))])

    def test_no_vectors_are_no_error(self, vectors: VectorStore) -> None:
        vectors.upsert("default", [("r1", [], random_rows(1)[:0])])
        assert vectors.count("default") == 0

    def test_replacing_holds_just_what_is_given(self, vectors: VectorStore) -> None:
        rows = random_rows(6)
        vectors.upsert("default", [("old", ids_of("old", 6), rows)])
        vectors.replace("default", [("a", ids_of("a", 2), rows[:2]), ("b", ids_of("b", 1), rows[2:3])])
        assert vectors.counts("default") == {"a": 2, "b": 1}
        assert vectors.query("default", rows[2], 1)[0].passage_id == "b-00000"
        vectors.replace("default", [])
        assert vectors.count("default") == 0

    def test_what_answers_until_then_stays_when_replacing_fails(self, vectors: VectorStore) -> None:
        rows = random_rows(4)
        vectors.upsert("default", [("old", ids_of("old", 4), rows)])

        def broken_off() -> Iterator[tuple[str, Sequence[str], Rows]]:
            yield "new", ids_of("new", 2), rows[:2]
            assert vectors.counts("default") == {"old": 4}
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            vectors.replace("default", broken_off())
        assert vectors.counts("default") == {"old": 4}
        vectors.replace("default", [("new", ids_of("new", 2), rows[:2])])
        assert vectors.counts("default") == {"new": 2}
