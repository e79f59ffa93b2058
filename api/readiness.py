"""How far the service is with loading what it needs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

Load = Callable[[Callable[[str], None]], None]
"""Loads everything; calls its argument with the name of each part as it begins with it."""


@dataclass(frozen=True, slots=True)
class Loading:
    """``part`` is being loaded."""

    part: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything is there."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Loading ended with ``error``: the service will not become ready."""

    error: Exception


State = Loading | Ready | Failed


class Readiness:
    """Loads in a thread of its own, so that the service can say how it is meanwhile."""

    def __init__(self) -> None:
        self.state: State = Loading("settings")

    def start(self, load: Load, on_end: Callable[[State], None] | None = None) -> None:
        """Begin; ``on_end`` is called, in that thread, with how it ended."""
        # A daemon: stopping the program must not wait for a model to be read.
        threading.Thread(target=self._run, args=(load, on_end), name="loading", daemon=True).start()

    def _run(self, load: Load, on_end: Callable[[State], None] | None) -> None:
        try:
            load(self._begin)
        except Exception as error:
            log.error("loading failed", extra={"reason": str(error)}, exc_info=error)
            self.state = Failed(error)
        else:
            self.state = Ready()
        if on_end is not None:
            on_end(self.state)

    def _begin(self, part: str) -> None:
        log.info("loading", extra={"part": part})
        self.state = Loading(part)
