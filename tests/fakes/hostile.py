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
    """Takes plain text; ``started`` is a folder in which each file leaves the number of the process that read it."""

    started: Path | None = None
    version: str = "hostile 1"
    suffixes: frozenset[str] = frozenset({".txt"})

    def read(self, path: Path, source: str) -> Document:
        if self.started is not None:
            (self.started / source.replace("/", "-")).write_text(str(os.getpid()))
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


def _eat() -> None:
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))
