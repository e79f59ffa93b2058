"""The one place where everything is put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Protocol

from api.settings import Settings
from ingest.catalog import Catalog
from qa.answer import AnswerEvent, Question


class Answers(Protocol):
    """Whatever can answer questions: `qa.service.AnswerService`, or a fake."""

    def answer(self, question: Question, cancel: Event | None = None) -> Iterator[AnswerEvent]:
        """`PassagesFound`, then deltas, then `AnswerDone`; ends early once ``cancel`` is set."""
        ...


class Components(Protocol):
    """What the service is made of."""

    @property
    def settings(self) -> Settings:
        """What it was put together from."""
        ...

    @property
    def catalog(self) -> Catalog:
        """Documents and their revisions."""
        ...

    @property
    def answers(self) -> Answers:
        """Answers questions, one at a time."""
        ...

    def load(self, begin: Callable[[str], None]) -> None:
        """Load all that answering needs; ``begin`` hears the name of each part. Takes seconds to minutes."""
        ...
