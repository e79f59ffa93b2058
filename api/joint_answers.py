"""Answers in the making, shared by all who ask the same at the same time with the same rights.

There is no thread for it: whoever needs the next event fetches it for all.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from threading import Event
from typing import cast

from qa.answer import AnswerEvent, Question

_LOOK_SECONDS = 0.02

Answer = Callable[[Question, Event], Iterator[AnswerEvent]]
"""A generator of the events of one answer, which ends early once the event is set."""


class JointAnswers:
    """Makes answers by ``answer``. Questions are the same when all is equal: words, history, scope, mode, sampling."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._making: dict[Question, _Making] = {}

    def answer(self, question: Question, cancel: Event) -> Iterator[AnswerEvent]:
        """The events of the answer from the first on; ends early once ``cancel`` is set."""
        making = self._join(question, cancel)
        try:
            at = 0
            while not cancel.is_set() and (event := making.event(at)) is not None:
                yield event
                at += 1
        finally:
            if self._leave(question, making, cancel):
                making.close()

    def _join(self, question: Question, cancel: Event) -> _Making:
        with self._lock:
            making = self._making.get(question)
            if making is None or not making.join(cancel):
                making = self._making[question] = _Making(self._answer, question, cancel)
            return making

    def _leave(self, question: Question, making: _Making, cancel: Event) -> bool:
        """Whether nobody listens any more."""
        with self._lock:
            last = making.leave(cancel)
            if (last or making.over) and self._making.get(question) is making:
                del self._making[question]
            return last


class _Making:
    """One answer in the making, and what there is of it."""

    def __init__(self, answer: Answer, question: Question, cancel: Event) -> None:
        self._unwanted = _Unwanted(cancel)
        self._source = answer(question, self._unwanted)
        self._events: list[AnswerEvent] = []
        self._change = threading.Condition()
        self._fetching = False
        self.over = False
        self._error: Exception | None = None

    def join(self, cancel: Event) -> bool:
        """Listen too, if that is still possible."""
        return not self.over and self._unwanted.add(cancel)

    def leave(self, cancel: Event) -> bool:
        """Listen no longer; whether nobody else does."""
        return self._unwanted.remove(cancel)

    def close(self) -> None:
        """Stop making it."""
        # Closed at once, not when the collector comes round: it holds keys and values.
        cast("Generator[object, None, None]", self._source).close()

    def event(self, at: int) -> AnswerEvent | None:
        """The event at index ``at``; None behind the last."""
        while True:
            with self._change:
                if at < len(self._events):
                    return self._events[at]
                if self._error is not None:
                    raise self._error
                if self.over:
                    return None
                if self._fetching:
                    self._change.wait()
                    continue
                self._fetching = True
            self._fetch()

    def _fetch(self) -> None:
        event, error = None, None
        try:
            event = next(self._source, None)
        except Exception as caught:
            error = caught
        finally:
            with self._change:
                if event is not None:
                    self._events.append(event)
                else:
                    self.over, self._error = True, error
                self._fetching = False
                self._change.notify_all()


class _Unwanted(Event):
    """Set once all who listened have cancelled or left; from then on nobody can listen any more."""

    def __init__(self, cancel: Event) -> None:
        super().__init__()
        self._listeners = [cancel]
        self._changing = threading.Lock()

    def is_set(self) -> bool:
        if super().is_set():
            return True
        with self._changing:
            if all(cancel.is_set() for cancel in self._listeners):
                self.set()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Looks at the listeners now and then: none of them knows of this event."""
        end = time.monotonic() + timeout if timeout is not None else math.inf
        while not self.is_set() and (left := end - time.monotonic()) > 0:
            super().wait(min(left, _LOOK_SECONDS))
        return self.is_set()

    def add(self, cancel: Event) -> bool:
        with self._changing:
            if super().is_set():
                return False
            self._listeners.append(cancel)
            return True

    def remove(self, cancel: Event) -> bool:
        with self._changing:
            self._listeners.remove(cancel)
            if not self._listeners:
                self.set()
            return not self._listeners
