"""Admission: one answer is made at a time, a bounded number of questions wait, the rest are told when to come again.

A single worker thread is both the limit and the queue: it takes the accepted jobs in the order of their arrival.
What a job yields reaches the event loop through the `Stream` that its caller holds; a caller that leaves cancels the
stream, and a job that has not begun gives its place back at once.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Job = Callable[[threading.Event], Generator[T, None, None]]
"""Makes the items of one stream; the event is set when nobody wants them any more."""

RECENT = 16
DEFAULT_SECONDS = 10.0


class QueueFull(Exception):
    """No place is left; ``retry_after`` is the estimate, in whole seconds, of when one will be."""

    def __init__(self, waiting: int, retry_after: int) -> None:
        super().__init__(f"{waiting} questions are already waiting; try again in {retry_after} s")
        self.waiting = waiting
        self.retry_after = retry_after


class DeadlineExceeded(Exception):
    """The items did not all come within the deadline, waiting included."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.seconds = seconds


class ShuttingDown(Exception):
    """The service stops and takes nothing up any more."""


@dataclass(frozen=True, slots=True)
class _End:
    """Last item of a stream: it is over, or it failed."""

    error: Exception | None = None


class Stream(Generic[T]):
    """The items of one job, for the event loop that submitted it. Iterate once, and `cancel` however that ends."""

    def __init__(self, job: Job[T], deadline_s: float) -> None:
        self._job = job
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[T | _End] = asyncio.Queue()
        self._unwanted = threading.Event()
        self._ended = False
        self._deadline = self._loop.call_later(deadline_s, self.cancel, DeadlineExceeded(deadline_s))
        self.future: Future[None] | None = None
        self.began: float | None = None

    def __aiter__(self) -> Stream[T]:
        return self

    async def __anext__(self) -> T:
        item = _End() if self._ended else await self._items.get()
        if not isinstance(item, _End):
            return item
        self._ended = True
        self._deadline.cancel()
        raise item.error or StopAsyncIteration

    @property
    def unwanted(self) -> bool:
        """Whether it was cancelled."""
        return self._unwanted.is_set()

    def cancel(self, error: Exception | None = None) -> None:
        """Tell the job that nobody wants its items; whoever still iterates gets ``error``, or the end."""
        self._unwanted.set()
        self._deadline.cancel()
        self._items.put_nowait(_End(error))
        if self.future is not None:
            self.future.cancel()

    def run(self) -> Exception | None:
        """Make the items, in the worker's thread; what the job raised, if it did."""
        self.began = time.monotonic()
        try:
            with closing(self._job(self._unwanted)) as items:
                for item in items:
                    if self._unwanted.is_set():
                        break
                    self._post(item)
        except Exception as error:
            return error
        return None

    def end(self, error: Exception | None) -> None:
        """Tell whoever iterates that there are no more items, from the worker's thread."""
        if not self._unwanted.is_set():  # else it was told by `cancel`
            self._post(_End(error))

    def _post(self, item: T | _End) -> None:
        try:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        except RuntimeError:  # the loop is closed: nobody is left to read
            self._unwanted.set()


class Admission:
    """Takes jobs up one after another. ``waiting`` is how many may wait behind the one that runs."""

    def __init__(self, waiting: int, deadline_s: float) -> None:
        self._limit = waiting
        self._deadline_s = deadline_s
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="answer")
        self._lock = threading.Lock()
        self._streams: list[Stream[Any]] = []  # accepted and not yet over, in the order of arrival
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._closed = False

    @property
    def running(self) -> int:
        """Jobs in work: 0 or 1."""
        with self._lock:
            return min(1, len(self._streams))

    @property
    def waiting(self) -> int:
        """Jobs behind the one in work."""
        with self._lock:
            return max(0, len(self._streams) - 1)

    def submit(self, job: Job[T]) -> Stream[T]:
        """Accept ``job`` or raise `QueueFull` or `ShuttingDown`; never waits. Call it in the event loop."""
        with self._lock:
            if self._closed:
                raise ShuttingDown
            if len(self._streams) > self._limit:
                raise QueueFull(self._limit, self._retry_after())
            stream = Stream(job, self._deadline_s)
            self._streams.append(stream)
        stream.future = self._worker.submit(self._work, stream)
        stream.future.add_done_callback(lambda future: self._give_back(stream) if future.cancelled() else None)
        return stream

    async def close(self) -> None:
        """Cancel what runs and what waits, and see the worker end."""
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            stream.cancel(ShuttingDown())
        await asyncio.to_thread(self._worker.shutdown)

    def _work(self, stream: Stream[Any]) -> None:
        error = stream.run()
        self._give_back(stream)  # before its reader hears of the end: whoever then asks again finds the place free
        stream.end(error)

    def _give_back(self, stream: Stream[Any]) -> None:
        with self._lock:
            self._streams.remove(stream)
            if stream.began is not None and not stream.unwanted:
                self._seconds.append(time.monotonic() - stream.began)

    def _retry_after(self) -> int:
        """Seconds until the running job should end, judged by the recent ones: then a place becomes free."""
        usual = sum(self._seconds) / len(self._seconds) if self._seconds else DEFAULT_SECONDS
        began = self._streams[0].began
        spent = time.monotonic() - began if began is not None else 0.0
        return max(1, math.ceil(usual - spent))
