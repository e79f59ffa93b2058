"""Components of the service without models and files."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from api.components import Answers
from api.settings import Settings
from tests.api.fake_answers import FakeAnswers
from tests.fakes.catalog import MemoryCatalog


class FakeComponents:
    """Loads at once, unless ``hold`` is given: then when that event is set. ``error`` makes loading fail."""

    def __init__(
        self,
        catalog: MemoryCatalog,
        answers: Answers | None = None,
        settings: Settings | None = None,
        hold: Event | None = None,
        error: Exception | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.catalog = catalog
        self.answers: Answers = answers or FakeAnswers(catalog)
        self._hold = hold
        self._error = error

    def load(self, begin: Callable[[str], None]) -> None:
        begin("language model")
        if self._hold is not None:
            self._hold.wait()
        if self._error is not None:
            raise self._error
