"""Preparing files in processes of their own, so that no file can stall, exhaust or crash the one that serves.

While the caller embeds one document the workers read the next ones: never more than a few, so that memory is bounded
whatever the size of a batch.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import TypeVar

from ingest.archives.unpacking import Unpacked
from ingest.discovery import SourceFound
from ingest.preparation import Failure, Preparation, Prepared, Waiting, folders_for
from ingest.worker import OUT_OF_MEMORY, Reading, Task, Unpacking

_PROGRAM = "import sys; sys.path[:] = sys.argv[2:]; from ingest.worker import main; main(int(sys.argv[1]))"
_GRACE_S = 1.0
WAIT_S = 1.0
LARGE = 4 * 1024 * 1024
"""Bytes: some thousand pages of a PDF."""
_T = TypeVar("_T")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class WorkersUnusable(Exception):
    """No worker process can be started on this machine."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How many workers there are, and what one file may take: ``memory_bytes`` of memory, and `seconds_for` it."""

    processes: int = 1
    seconds: float = 120.0
    memory_bytes: int = 1024 * 1024 * 1024

    def seconds_for(self, path: Path) -> float:
        """``seconds``, as much again for every `LARGE` bytes, and ten times as much for the largest files.

        A manual of a thousand pages takes longer than a letter, and is no more suspicious.
        """
        size = path.stat().st_size if path.exists() else 0  # One that is gone by now is told by its reader.
        return self.seconds * min(1.0 + size / LARGE, 10.0)


class Workers:
    """Implements `ingest.preparation.Preparer`; no process runs before the first file and after the last one."""

    def __init__(self, preparation: Preparation, limits: WorkerLimits) -> None:
        """``preparation`` is sent to the workers: it has to be picklable."""
        self._job = pickle.dumps((preparation, limits.memory_bytes))
        self._limits = limits

    def prepare_all(
        self, files: Iterable[SourceFound], waiting: Waiting | None = None
    ) -> Generator[tuple[SourceFound, Prepared | Failure]]:
        """See `Preparer.prepare_all`; as many files ahead as there are workers. Raises `WorkersUnusable`."""
        return self._all(((file, Reading(file.path, file.source)) for file in files), waiting)

    def unpack_all(
        self, archives: Iterable[SourceFound], room: Path, waiting: Waiting | None = None
    ) -> Generator[tuple[SourceFound, Unpacked | Failure]]:
        """See `Preparer.unpack_all` and `prepare_all`."""
        placed = folders_for(archives, room)
        return self._all(((file, Unpacking(file.path, file.source, folder)) for file, folder in placed), waiting)

    def _all(
        self, tasks: Iterable[tuple[SourceFound, Task[_T]]], waiting: Waiting | None
    ) -> Generator[tuple[SourceFound, _T | Failure]]:
        count = self._limits.processes
        workers = [_Worker(self._job, self._limits) for _ in range(count)]
        idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in workers:
            idle.put(worker)
        ahead: _Ahead[_T] = deque()
        threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        try:
            for file, task in tasks:
                ahead.append((file, threads.submit(_carry_out, idle, task)))
                if len(ahead) > count:
                    yield _first(ahead, waiting)
            while ahead:
                yield _first(ahead, waiting)
        finally:
            for worker in workers:
                worker.stop()
            threads.shutdown(cancel_futures=True)


_Ahead = deque[tuple[SourceFound, "Future[_T | Failure]"]]


def _first(ahead: _Ahead[_T], waiting: Waiting | None) -> tuple[SourceFound, _T | Failure]:
    file, future = ahead.popleft()
    while waiting is not None and not wait([future], WAIT_S).done:
        waiting(file)
    return file, future.result()


def _carry_out(idle: SimpleQueue[_Worker], task: Task[_T]) -> _T | Failure:
    worker = idle.get()
    try:
        return worker.carry_out(task)
    finally:
        idle.put(worker)


class _Worker:
    """One process at a time, started when it is needed; a new one after a file was the last one's end."""

    def __init__(self, job: bytes, limits: WorkerLimits) -> None:
        self._job = job
        self._limits = limits
        self._stopped = False
        self._starting = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def carry_out(self, task: Task[_T]) -> _T | Failure:
        """What became of a file. Whatever it does to the process, this returns within the time allowed."""
        connection = self._connection or self._start()
        seconds = self._limits.seconds_for(task.path)
        try:
            connection.send((task, seconds + _GRACE_S))
            if not connection.poll(seconds):
                self._end(kill=True)
                return Failure(f"took longer than {seconds:,.0f} s to read: split it or raise the limit")
            answer: _T | Failure = connection.recv()
        except (EOFError, OSError):
            return Failure(self._reason_of(self._end()))
        return answer

    def stop(self) -> None:
        """End the process, at work or not, for good; called from another thread than the one that prepares."""
        with self._starting:
            self._stopped = True
            process = self._process  # the thread that prepares may be taking note of its end
            if process is not None:
                process.kill()
                process.wait()

    def _start(self) -> Connection:
        with self._starting:
            if self._stopped:
                raise WorkersUnusable("stopped")
            ours, theirs = Pipe()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), *sys.path],
                    pass_fds=[theirs.fileno()],
                    env=os.environ | _ONE_THREAD,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            self._connection = ours
        try:
            ours.send_bytes(self._job)
            ours.recv()  # It is ready: what a file may take is counted from here.
        except (EOFError, OSError) as error:
            code = self._end()
            raise WorkersUnusable(f"a process to read files cannot be started (it ends with code {code})") from error
        return ours

    def _end(self, *, kill: bool = False) -> int:
        """Wait for the end of the process, which has hung up unless it is to be killed; its exit code."""
        process, connection = self._process, self._connection
        assert process is not None
        assert connection is not None
        self._process = self._connection = None
        if kill:
            process.kill()
        connection.close()
        return process.wait()

    def _reason_of(self, code: int) -> str:
        if code == OUT_OF_MEMORY:
            allowed = self._limits.memory_bytes / 2**20
            return f"needs more than {allowed:,.0f} MB of memory to be read: split it or raise the limit"
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"ended the program that read it ({how}): open and save it again with the program that it is for"
