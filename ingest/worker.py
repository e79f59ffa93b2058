"""The inside of a worker process: carries out one task after the other until nobody asks any more."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, TypeVar

from ingest.archives.unpacking import Unpacked
from ingest.preparation import Failure, Preparation, Prepared

OUT_OF_MEMORY = 70
"""Exit code of a worker that may take no more memory; whatever it held is given back by its end."""


_T_co = TypeVar("_T_co", covariant=True)


class Task(Protocol[_T_co]):
    """What can be asked of a worker; picklable, as is what comes of it."""

    @property
    def path(self) -> Path:
        """The file it is about."""
        ...

    def carry_out(self, preparation: Preparation) -> _T_co | Failure:
        """Raises MemoryError alone."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """To read and split a file."""

    path: Path
    source: str

    def carry_out(self, preparation: Preparation) -> Prepared | Failure:
        """See `Task`."""
        return preparation.prepare(self.path, self.source)


@dataclass(frozen=True, slots=True)
class Unpacking:
    """To unpack an archive into a folder."""

    path: Path
    source: str
    folder: Path

    def carry_out(self, preparation: Preparation) -> Unpacked | Failure:
        """See `Task`."""
        return preparation.unpack(self.path, self.source, self.folder)


def main(descriptor: int) -> None:
    """Serve the connection at ``descriptor``: first how to do it, then the tasks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Whoever started this process decides when it ends.
    gc.set_threshold(100_000)  # Reading makes many objects, of which hardly any are rubbish in a circle.
    logging.disable(logging.CRITICAL)  # Parsers warn of every oddity of a file; what matters is in the answer.
    with Connection(descriptor) as connection:
        preparation, memory_bytes = pickle.loads(connection.recv_bytes())
        _bound_memory(memory_bytes)
        connection.send("ready")
        try:
            _serve(connection, preparation)
        except (EOFError, OSError):  # Nobody is there any more.
            return
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def _serve(connection: Connection, preparation: Preparation) -> None:
    while True:
        task: Task[object]
        seconds: float
        task, seconds = connection.recv()
        # Whoever asks watches the time; should that process be gone, the alarm ends this one.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        answer = task.carry_out(preparation)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send(answer)


def _bound_memory(more: int) -> None:
    """Let this process take so many bytes besides what it has; where the system knows no such limit, time is one."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        allowed = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    except (ImportError, OSError, ValueError):
        return
