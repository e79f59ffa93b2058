"""Admission: some answers are made at once, a bounded number of questions wait, the rest are told when to come again.

Each answer is made by a worker thread; which question is taken up next is `api.fair_queue`'s to say. What a job
yields reaches the event loop through the `Stream` that its caller holds; a caller that leaves cancels the stream, and
a job that has not begun gives its place back at once.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from api.fair_queue import FairQueue

T = TypeVar("T")
Job = Callable[[threading.Event], Iterator[T]]
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
    """The items of one job, for the event loop that submitted it. Iterate once, and `cancel` however that ends.

    ``on_cancel`` is called at each `cancel`.
    """

    def __init__(
        self, job: Job[T], deadline_s: float, on_cancel: Callable[[Stream[T]], None], *, batch: bool = False
    ) -> None:
        self.batch = batch
        self._job = job
        self._on_cancel = on_cancel
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[T | _End] = asyncio.Queue()
        self._unwanted = threading.Event()
        self._ended = False
        self._deadline = self._loop.call_later(deadline_s, self.cancel, DeadlineExceeded(deadline_s))
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
        self._on_cancel(self)

    def run(self) -> Exception | None:
        """Make the items, in the worker's thread; what the job raised, if it did."""
        self.began = time.monotonic()
        try:
            with closing(cast("Generator[T, None, None]", self._job(self._unwanted))) as items:
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


class Ready(Generic[T]):
    """Items that need no work, in the shape of a `Stream`: they wait for nobody and take nobody's place."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self.began: float | None = time.monotonic()

    def __aiter__(self) -> Ready[T]:
        return self

    async def __anext__(self) -> T:
        for item in self._items:
            return item
        raise StopAsyncIteration

    def cancel(self) -> None:
        """Nobody wants the rest."""
        self._items = iter(())


class Admission:
    """Takes up to ``at_once`` jobs up at a time; ``waiting`` is how many may wait behind them.

    Batch jobs may take half of the places that wait (one at least) and all but one of those in work (if there is more
    than one), so that they never keep people out.
    """

    def __init__(self, at_once: int, waiting: int, deadline_s: float) -> None:
        self._at_once = at_once
        self._limit = at_once + waiting
        self._batch_at_once = max(1, at_once - 1)
        self._batch_limit = (waiting + 1) // 2
        self._deadline_s = deadline_s
        self._workers = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="answer")
        self._lock = threading.Lock()
        self._queue: FairQueue[Stream[Any]] = FairQueue()
        self._in_work: set[Stream[Any]] = set()
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._closed = False

    @property
    def running(self) -> int:
        """Jobs in work, or about to be."""
        with self._lock:
            return min(self._at_once, self._accepted())

    @property
    def waiting(self) -> int:
        """Jobs behind those in work."""
        with self._lock:
            return max(0, self._accepted() - self._at_once)

    def submit(self, job: Job[T], caller: str = "", *, batch: bool = False) -> Stream[T]:
        """Accept ``job`` or raise `QueueFull` or `ShuttingDown`; never waits. Call it in the event loop."""
        with self._lock:
            if self._closed:
                raise ShuttingDown
            batch_is_full = batch and self._queue.batch >= self._batch_limit and not self._batch_may_begin()
            if self._accepted() >= self._limit or batch_is_full:
                raise QueueFull(len(self._queue), self._retry_after())
            stream = Stream(job, self._deadline_s, self._withdraw, batch=batch)
            self._queue.add(stream, caller, batch=batch)
        self._workers.submit(self._work)
        return stream

    async def close(self) -> None:
        """Cancel what runs and what waits, and see the workers end."""
        with self._lock:
            self._closed = True
            streams = [*self._in_work, *self._queue]
        for stream in streams:
            stream.cancel(ShuttingDown())
        await asyncio.to_thread(self._workers.shutdown)

    def _accepted(self) -> int:
        return len(self._queue) + len(self._in_work)

    def _batch_may_begin(self) -> bool:
        """Whether a batch job that comes now is taken up at once."""
        return self._batch_in_work() + self._queue.batch < self._batch_at_once and self._accepted() < self._at_once

    def _withdraw(self, stream: Stream[Any]) -> None:
        """Give the place of a stream that waits back."""
        with self._lock:
            self._queue.discard(stream)

    def _work(self) -> None:
        """Take up jobs until none is left that may be."""
        while (stream := self._take()) is not None:
            error = stream.run()
            with self._lock:  # before its reader hears of the end: whoever then asks again finds the place free
                self._in_work.remove(stream)
                if stream.began is not None and not stream.unwanted:
                    self._seconds.append(time.monotonic() - stream.began)
            stream.end(error)

    def _take(self) -> Stream[Any] | None:
        """The next job; none also where its caller left."""
        with self._lock:
            stream = self._queue.take(batch=self._batch_in_work() < self._batch_at_once)
            if stream is not None:
                self._in_work.add(stream)
            return stream

    def _batch_in_work(self) -> int:
        return sum(stream.batch for stream in self._in_work)

    def _retry_after(self) -> int:
        """Seconds until one of the running jobs should end, judged by the recent ones: then a place becomes free."""
        usual = sum(self._seconds) / len(self._seconds) if self._seconds else DEFAULT_SECONDS
        now = time.monotonic()
        spent = max((now - stream.began for stream in self._in_work if stream.began is not None), default=0.0)
        return max(1, math.ceil(usual - spent))
