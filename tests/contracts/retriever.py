"""What every retriever must do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.scope import Scope
from qa.retriever import Retriever
from tests.qa.library import Library, manual, manuals

MakeRetriever = Callable[[Library], Retriever]


class RetrieverContract:
    """Subclasses provide the fixture ``make``: a retriever over what a library holds now and later."""

    def test_nothing_comes_from_an_empty_collection(self, make: MakeRetriever) -> None:
        assert list(make(Library()).retrieve("How long is the window open?", "default", 5)) == []

    @pytest.mark.parametrize("k", [1, 2, 3, 100])
    def test_at_most_k_sorted_and_ranked(self, make: MakeRetriever, k: int) -> None:
        found = make(manuals()).retrieve("pairing window of the meter", "default", k)
        assert 0 < len(found) <= k
        assert [passage.rank for passage in found] == list(range(1, len(found) + 1))
        assert [passage.score for passage in found] == sorted((p.score for p in found), reverse=True)
        assert len({passage.stored.id for passage in found}) == len(found)

    def test_k_below_one_is_refused(self, make: MakeRetriever) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            make(manuals()).retrieve("pairing", "default", 0)

    def test_the_passage_with_the_words_is_first(self, make: MakeRetriever) -> None:
        found = make(manuals()).retrieve("Is glycol approved?", "default", 3)
        assert "glycol" in found[0].stored.passage.text

    def test_the_same_question_gives_the_same_passages(self, make: MakeRetriever) -> None:
        retriever = make(manuals())
        assert retriever.retrieve("window", "default", 4) == retriever.retrieve("window", "default", 4)

    def test_ties_do_not_depend_on_the_order_of_publication(self, make: MakeRetriever) -> None:
        one = manual("a.md", "# A\n\n## 1 Fuse\n\nReplace the blue fuse.\n", "A")
        two = manual("b.md", "# A\n\n## 2 Fuse\n\nReplace the blue fuse!\n", "A")
        forwards = make(Library(one, two)).retrieve("blue fuse", "default", 2)
        backwards = make(Library(two, one)).retrieve("blue fuse", "default", 2)
        assert [passage.stored.id for passage in forwards] == [passage.stored.id for passage in backwards]

    def test_nothing_leaks_from_another_collection(self, make: MakeRetriever) -> None:
        library = manuals()
        library.publish(manual("secret.md", "# Pay\n\n## 1 Window\n\nThe pay window of grade 7.\n", "Pay"), "payroll")
        retriever = make(library)
        for collection, source in (("default", "secret.md"), ("payroll", "corvo.md")):
            found = retriever.retrieve("pay window grade pairing", collection, 50)
            assert found
            assert {passage.stored.revision.collection for passage in found} == {collection}
            assert source not in {passage.stored.revision.source for passage in found}

    def test_a_replaced_revision_is_not_found(self, make: MakeRetriever) -> None:
        library = Library(manual("a.md", "# A\n\n## 1 Fuse\n\nReplace the blue fuse.\n", "A"))
        retriever = make(library)
        library.publish(manual("a.md", "# A\n\n## 1 Fuse\n\nReplace the green fuse.\n", "A"))
        texts = [passage.stored.passage.text for passage in retriever.retrieve("blue fuse", "default", 5)]
        assert any("green" in text for text in texts)
        assert not any("blue" in text for text in texts)

    def test_what_held_then_is_found_as_of_then(self, make: MakeRetriever) -> None:
        library = Library(manual("a.md", "# A\n\n## 1 Fuse\n\nReplace the blue fuse.\n", "A"))
        library.now = 2_000.0
        library.publish(manual("a.md", "# A\n\n## 1 Fuse\n\nReplace the green fuse.\n", "A"))
        retriever = make(library)
        for moment, colour in ((1_500.0, "blue"), (2_500.0, "green"), (None, "green")):
            found = retriever.retrieve("which fuse", "default", 5, Scope(as_of=moment))
            assert colour in found[0].stored.passage.text
            assert len({passage.stored.revision.id for passage in found}) == 1
        assert list(retriever.retrieve("which fuse", "default", 5, Scope(as_of=10.0))) == []

    def test_what_may_not_be_read_is_not_found_and_changes_nothing(self, make: MakeRetriever) -> None:
        library = manuals()
        retriever = make(library)
        before = retriever.retrieve("pairing window of HB-423", "default", 50)
        secret = manual("secret.md", "# Pay\n\n## 1 Window\n\nThe pairing window of HB-423 pays.\n", "Pay")
        library.publish(secret, labels=("hr",))
        assert retriever.retrieve("pairing window of HB-423", "default", 50) == before
        for labels in (frozenset({"hr"}), None):
            found = retriever.retrieve("pairing window of HB-423", "default", 50, Scope(labels=labels))
            assert "secret.md" in {passage.stored.revision.source for passage in found}
