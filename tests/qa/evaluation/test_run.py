"""Questions reach the product as a person's do, and answers that are there already are not asked for again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ingest.scope import NOW, Scope
from qa.answer import AnswerDone, AnswerEvent, PassagesFound, Question, RetrievedPassage, SentenceStatus, Turn
from qa.evaluation.journal import Journal, RunFingerprint
from qa.evaluation.run import ask_all, finder
from tests.qa.evaluation.material import answer, question, retrieved

FINGERPRINT = RunFingerprint(model="m", collection="manuals", index="0", settings={})


class Product:
    """Answers with the question's own words and remembers what it was asked; stops for good at ``last``."""

    def __init__(self, last: str | None = None) -> None:
        self.asked: list[Question] = []
        self._last = last

    def answer(self, asked: Question) -> Iterator[AnswerEvent]:
        self.asked.append(asked)
        yield PassagesFound(())
        if asked.text == self._last:
            raise KeyboardInterrupt
        yield AnswerDone(answer((f"You asked: {asked.text}", SentenceStatus.UNSUPPORTED, [])))


def test_history_and_collection_reach_the_product() -> None:
    product = Product()
    (asked,) = ask_all([question("f", "followup", question="And then?")], "manuals", product.answer)
    assert product.asked == [Question("And then?", "manuals", (Turn("Q?", "A."),))]
    assert asked.answer.text == "You asked: And then?"
    assert not asked.kept


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    questions = [question(name, question=f"{name}?") for name in "abc"]
    path = tmp_path / "run.jsonl"
    with Journal(path, FINGERPRINT) as journal, pytest.raises(KeyboardInterrupt):
        list(ask_all(questions, "manuals", Product(last="b?").answer, journal))
    product = Product()
    with Journal(path, FINGERPRINT) as journal:
        asked = list(ask_all(questions, "manuals", product.answer, journal))
    assert [one.text for one in product.asked] == ["b?", "c?"]
    assert [(one.question.id, one.kept) for one in asked] == [("a", True), ("b", False), ("c", False)]
    assert [one.answer.text for one in asked] == ["You asked: a?", "You asked: b?", "You asked: c?"]


def test_a_product_that_never_finishes_an_answer_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ended without an answer"):
        list(ask_all([question("a")], "manuals", lambda _: iter([PassagesFound(())])))


class Notebook:
    """A retriever that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []

    def retrieve(self, question: str, collection: str, k: int, scope: Scope = NOW) -> Sequence[RetrievedPassage]:
        self.asked.append((question, collection, k))
        return [retrieved(1, "a", 0, 10)]


def test_follow_ups_are_retrieved_with_their_history() -> None:
    history = [{"question": "How long is the tamper delay of the Corvo meter?", "answer": "15 minutes."}]
    followup = question("f", "followup", question="And for it?", history=history)
    with_history, without = Notebook(), Notebook()
    assert finder(with_history, "manuals", history_turns=2)(followup)
    assert finder(without, "manuals", history_turns=0)(followup)
    assert any("tamper delay" in text for text, _, _ in with_history.asked)
    assert without.asked == [("And for it?", "manuals", 10)]
