from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from ingest.scope import NOW, Scope
from ingest.vectors import VectorHit
from qa.answer import Turn
from qa.conversation import retrieve_in_context
from qa.retriever import RetrievalConfig, Retriever
from tests.contracts.retriever import MakeRetriever, RetrieverContract
from tests.fakes.qa import WordRetriever
from tests.fakes.vectors import MemoryVectors
from tests.qa.library import Library, manual, manuals


class TestHybridRetriever(RetrieverContract):
    @pytest.fixture
    def make(self) -> MakeRetriever:
        return lambda library: library.retriever()


class TestWordRetriever(RetrieverContract):
    @pytest.fixture
    def make(self) -> MakeRetriever:
        def build(library: Library) -> Retriever:
            return WordRetriever(library.catalog)

        return build


def test_raw_scores_of_both_retrievers_are_kept() -> None:
    library = manuals()
    question = "Is glycol approved?"
    first = library.retriever().retrieve(question, "default", 1)[0]
    dense = library.vectors.query("default", library.embedder.embed([question])[0], 1)[0]
    lexical = library.catalog.search("default", question, 1)[0]
    assert first.stored.id == dense.passage_id == lexical.passage_id
    assert first.similarity == dense.similarity
    assert first.lexical == lexical.score
    assert first.score == pytest.approx(first.similarity + RetrievalConfig().lexical_weight)


def test_what_only_words_found_is_compared_with_the_question_too() -> None:
    library = manuals()
    question = "window minutes"
    for scope in (NOW, Scope(as_of=1_500.0)):
        found = library.retriever(RetrievalConfig(k_dense=1)).retrieve(question, "default", 10, scope)
        cosines = {passage.stored.id: passage.similarity for passage in found}
        assert len(cosines) > 1
        every = library.vectors.query("default", library.embedder.embed([question])[0], 100)
        assert cosines == pytest.approx({hit.passage_id: hit.similarity for hit in every if hit.passage_id in cosines})


def test_a_passage_without_a_vector_is_found_by_its_words() -> None:
    library = manuals()
    held = library.retriever().retrieve("Is glycol approved?", "default", 1)[0].stored
    library.vectors.delete_revision("default", held.revision.id)
    found = library.retriever().retrieve("Is glycol approved?", "default", 10)
    assert {passage.stored.id for passage in found if passage.similarity is None} >= {held.id}


class Contrary(MemoryVectors):
    """Disagrees with every lexical search."""

    def query(self, collection: str, vector: npt.NDArray[np.float32], k: int) -> Sequence[VectorHit]:
        hits = super().query(collection, vector, 1_000)
        return [VectorHit(hit.passage_id, hit.revision_id, -hit.similarity) for hit in reversed(hits)][:k]


@pytest.mark.parametrize(("dense", "lexical", "source"), [(2.0, 0.1, "dense.md"), (0.1, 2.0, "words.md")])
def test_weights_decide_between_the_retrievers(dense: float, lexical: float, source: str) -> None:
    library = Library()
    library.vectors = Contrary()
    library.publish(manual("dense.md", "# D\n\n## 1 D\n\nNothing in common.\n", "D"))
    library.publish(manual("words.md", "# W\n\n## 1 W\n\nThe blue fuse.\n", "W"))
    config = RetrievalConfig(dense_weight=dense, lexical_weight=lexical)
    found = library.retriever(config).retrieve("blue fuse", "default", 1)
    assert found[0].stored.revision.source == source


def test_copies_of_a_text_are_folded_and_different_figures_are_not() -> None:
    text = "# A\n\n## 1 Fuse\n\nThe fuse blows at {} A.\n"
    library = Library(
        manual("a.md", text.format(5), "A"),
        manual("copy.md", text.format(5), "A"),
        manual("new.md", text.format(6), "A"),
    )
    found = library.retriever().retrieve("When does the fuse blow?", "default", 10)
    assert sorted(passage.stored.passage.text[-4:-3] for passage in found if "Fuse" in passage.stored.passage.text) == [
        "5",
        "6",
    ]


def test_a_passage_names_all_documents_that_hold_it() -> None:
    text = "# A\n\n## 1 Fuse\n\nThe fuse blows at 5 A.\n"
    library = Library(manual("a.md", text, "A"), manual("copy.md", text, "A"))
    turns = (Turn("When does the fuse blow?", "5 A"),)
    for found in (
        library.retriever().retrieve("When does the fuse blow?", "default", 10)[0],
        retrieve_in_context(library.retriever(), "And it?", turns, "default", 9)[0],
    ):
        places = {found.stored.revision.source, *(copy.revision.source for copy in found.copies)}
        assert places == {"a.md", "copy.md"}


def test_vectors_of_a_replaced_revision_may_linger_unseen() -> None:
    library = manuals()
    before = library.vectors.count("default")
    library.publish(
        manual("corvo.md", "# Corvo 200 Manual\n\n## 1 Pairing\n\nThere is no window.\n", "Corvo 200 Manual")
    )
    assert library.vectors.count("default") > before
    found = library.retriever().retrieve("pairing window minutes", "default", 50)
    assert not any("4 minutes" in passage.stored.passage.text for passage in found)


def test_a_publication_in_the_middle_of_a_search_is_searched_again() -> None:
    """Between words and vectors the only manual is replaced: neither nothing nor a mixture may be found."""

    class Publishing(MemoryVectors):
        armed = True

        def query(self, collection: str, vector: npt.NDArray[np.float32], k: int) -> Sequence[VectorHit]:
            hits = super().query(collection, vector, k)
            if self.armed:
                self.armed = False
                library.publish(manual("a.md", "# A\n\n## 1 Fuse\n\nReplace the green fuse.\n", "A"))
            return hits

    library = Library()
    library.vectors = Publishing()
    library.publish(manual("a.md", "# A\n\n## 1 Fuse\n\nReplace the blue fuse.\n", "A"))
    found = library.retriever().retrieve("which fuse", "default", 5)
    assert {passage.stored.revision.number for passage in found} == {2}
    assert any("green" in passage.stored.passage.text and passage.lexical for passage in found)
