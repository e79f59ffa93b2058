"""A reader of files that do harm: each says by its first word what happens to whoever reads it."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ingest.document import Document
from ingest.reader import UnreadableFile
from tests.fakes.files import PlainReader


@dataclass(frozen=True, slots=True)
class HostileReader:
    """Takes plain text; ``started`` is a folder in which each file leaves its name, as `processes` reads it."""

    started: Path | None = None
    version: str = "hostile 1"
    suffixes: frozenset[str] = frozenset({".txt"})

    def read(self, path: Path, source: str) -> Document:
        if self.started is not None:
            (self.started / f"{source.replace('/', '-')}@{os.getpid()}").touch()
        deed = path.read_text().partition(" ")[0]
        match deed:
            case "stall":
                time.sleep(600)
            case "die":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                os._exit(9)
            case "eat":
                _eat()
            case "hide":
                try:
                    _eat()
                except MemoryError as error:
                    raise UnreadableFile(source, "is damaged (MemoryError)") from error
            case "print":
                sys.stdout.write("not an answer\n")
                sys.stdout.flush()
        return PlainReader().read(path, source)


def processes(started: Path) -> dict[str, int]:
    """For each file that was begun, the number of the process that began it.

    The number is in the name of what a file leaves, not in its content: a name is there as a whole or not at all, even
    where the process is killed in the midst of it.
    """
    named = (path.name.rpartition("@") for path in started.iterdir())
    return {source: int(process) for source, found, process in named if found}


def _eat() -> None:
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))
