"""The inside of a worker process: prepares one file after the other until nobody asks any more."""

from __future__ import annotations

import logging
import os
import pickle
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from ingest.preparation import Preparation

OUT_OF_MEMORY = 70
"""Exit code of a worker that may take no more memory; whatever it held is given back by its end."""


def main(descriptor: int) -> None:
    """Serve the connection at ``descriptor``: first what to do, then the files to do it to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Whoever started this process decides when it ends.
    logging.disable(logging.CRITICAL)  # Parsers warn of every oddity of a file; what matters is in the answer.
    with Connection(descriptor) as connection:
        preparation, seconds, memory_bytes = pickle.loads(connection.recv_bytes())
        _bound_memory(memory_bytes)
        connection.send("ready")
        try:
            _serve(connection, preparation, seconds)
        except (EOFError, OSError):  # Nobody is there any more.
            return
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def _serve(connection: Connection, preparation: Preparation, seconds: float) -> None:
    while True:
        path, source = connection.recv()
        # Whoever asks watches the time; should that process be gone, the alarm ends this one.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        answer = preparation.prepare(Path(path), source)
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
