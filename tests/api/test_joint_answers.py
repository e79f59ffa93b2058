"""Who asks the same at the same time hears the same answer, which is made once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from threading import Event

import pytest

from api.joint_answers import JointAnswers
from ingest.scope import Scope
from qa.answer import AnswerEvent, Question, TextDelta

QUESTION = Question("How long does the battery last?", "manuals")


class Maker:
    """Makes answers word by word, each word once it is let go; knows how many were begun, ended and given up."""

    def __init__(self, words: int = 4) -> None:
        self.words = words
        self.go = threading.Semaphore(0)
        self.begun = 0
        self.ended = 0
        self.closed = 0

    def __call__(self, question: Question, cancel: Event) -> Generator[AnswerEvent, None, None]:
        self.begun += 1
        try:
            for word in range(self.words):
                while not self.go.acquire(timeout=0.005):
                    if cancel.is_set():
                        return
                yield TextDelta(f"{question.text[:3]}{word} ")
            self.ended += 1
        finally:
            self.closed += 1


class Listener(threading.Thread):
    """Hears one answer in a thread of its own."""

    def __init__(self, joint: JointAnswers, question: Question, stop_after: int | None = None) -> None:
        super().__init__()
        self.cancel = Event()
        self.heard: list[str] = []
        self.error: Exception | None = None
        self._events: Iterator[AnswerEvent] = joint.answer(question, self.cancel)
        self._stop_after = stop_after
        self.start()

    def run(self) -> None:
        try:
            for event in self._events:
                assert isinstance(event, TextDelta)
                self.heard.append(event.text)
                if len(self.heard) == self._stop_after:
                    self._events.close()  # type: ignore[attr-defined]  # it is a generator
        except LookupError as error:
            self.error = error


def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not come to that")


def test_the_same_question_is_answered_once_and_heard_from_the_start() -> None:
    maker = Maker()
    joint = JointAnswers(maker)
    first = Listener(joint, QUESTION)
    maker.go.release(2)
    until(lambda: len(first.heard) == 2)
    later = Listener(joint, replace(QUESTION, batch=True))
    until(lambda: len(later.heard) == 2)
    maker.go.release(2)
    for listener in (first, later):
        listener.join(10)
        assert listener.heard == ["How0 ", "How1 ", "How2 ", "How3 "]
    assert (maker.begun, maker.ended, maker.closed) == (1, 1, 1)
    assert not joint._making


def test_what_was_answered_is_not_kept() -> None:
    maker = Maker()
    joint = JointAnswers(maker)
    maker.go.release(8)
    for _ in range(2):
        Listener(joint, QUESTION).join(10)
    assert maker.begun == 2


@pytest.mark.parametrize(
    "other",
    [
        replace(QUESTION, text="How long?"),
        replace(QUESTION, collection="other"),
        replace(QUESTION, scope=Scope(labels=frozenset({"hr"}))),
        replace(QUESTION, seed=3),
    ],
)
def test_other_questions_and_other_rights_are_answered_apart(other: Question) -> None:
    maker = Maker()
    joint = JointAnswers(maker)
    listeners = [Listener(joint, question) for question in (QUESTION, other)]
    until(lambda: maker.begun == 2)
    maker.go.release(8)
    for listener in listeners:
        listener.join(10)
        assert len(listener.heard) == 4


def test_one_who_leaves_stops_nobody_else() -> None:
    maker = Maker()
    joint = JointAnswers(maker)
    leaves, cancels, stays = (
        Listener(joint, QUESTION, stop_after=1),
        Listener(joint, QUESTION),
        Listener(joint, QUESTION),
    )
    until(lambda: QUESTION in joint._making and len(joint._making[QUESTION]._unwanted._listeners) == 3)
    maker.go.release()
    until(lambda: len(leaves.heard) == len(cancels.heard) == len(stays.heard) == 1)
    cancels.cancel.set()
    maker.go.release(3)
    for listener in (leaves, cancels, stays):
        listener.join(10)
    assert len(stays.heard) == 4
    assert len(cancels.heard) <= 2
    assert (maker.begun, maker.ended) == (1, 1)


def test_when_all_have_left_it_stops_and_the_next_begins_anew() -> None:
    maker = Maker()
    joint = JointAnswers(maker)
    gone = [Listener(joint, QUESTION) for _ in range(2)]
    for listener in gone:
        listener.cancel.set()
    for listener in gone:
        listener.join(10)
    assert (maker.ended, maker.closed) == (0, maker.begun)
    maker.go.release(4)
    fresh = Listener(joint, QUESTION)
    fresh.join(10)
    assert len(fresh.heard) == 4
    assert not joint._making


def test_all_hear_of_a_failure() -> None:
    def failing(question: Question, cancel: Event) -> Generator[AnswerEvent, None, None]:
        yield TextDelta("So far ")
        together.wait()
        raise LookupError("broken")

    together = threading.Barrier(2)
    joint = JointAnswers(failing)
    listeners = [Listener(joint, QUESTION) for _ in range(3)]
    until(lambda: all(len(listener.heard) == 1 for listener in listeners))
    together.wait()
    for listener in listeners:
        listener.join(10)
        assert str(listener.error) == "broken"
    assert not joint._making


def test_waiting_for_the_cancel_ends_with_it() -> None:
    def sleeping(question: Question, cancel: Event) -> Generator[AnswerEvent, None, None]:
        yield TextDelta("Well ")
        assert cancel.wait(30)

    listener = Listener(JointAnswers(sleeping), QUESTION)
    until(lambda: len(listener.heard) == 1)
    listener.cancel.set()
    listener.join(5)
    assert not listener.is_alive()
