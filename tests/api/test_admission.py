from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager

import pytest

from api.admission import Admission, DeadlineExceeded, QueueFull, ShuttingDown

pytestmark = pytest.mark.anyio


class Work:
    """A job that yields one item for each permission it gets, and notes how it went."""

    def __init__(self, name: str = "", log: list[str] | None = None) -> None:
        self.name = name
        self.log = log if log is not None else []
        self.go = threading.Semaphore(0)
        self.begun = threading.Event()
        self.closed = threading.Event()

    def __call__(self, cancel: threading.Event) -> Generator[int, None, None]:
        self.log.append(self.name)
        self.begun.set()
        try:
            number = 0
            while not cancel.is_set():
                if self.go.acquire(timeout=0.01):
                    yield number
                    number += 1
        finally:
            self.closed.set()


def numbers(count: int) -> Generator[int, None, None]:
    yield from range(count)


@asynccontextmanager
async def admission(waiting: int = 2, deadline_s: float = 30, at_once: int = 1) -> AsyncIterator[Admission]:
    made = Admission(at_once, waiting, deadline_s)
    try:
        yield made
    finally:
        await made.close()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("answer")]


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 10)


async def test_items_arrive_in_order_and_the_place_is_free_again() -> None:
    async with admission() as desk:
        assert [item async for item in desk.submit(lambda _: numbers(100))] == list(range(100))
        await asyncio.sleep(0.05)
        assert (desk.running, desk.waiting) == (0, 0)


async def test_one_runs_and_the_others_wait_in_order() -> None:
    async with admission(waiting=2) as desk:
        log: list[str] = []
        works = [Work(name, log) for name in "abc"]
        streams = [desk.submit(work) for work in works]
        await until(works[0].begun)
        assert (desk.running, desk.waiting) == (1, 2)
        for work, stream in zip(works, streams, strict=True):
            await until(work.begun)
            work.go.release()
            assert await anext(stream) == 0
            stream.cancel()
        assert log == ["a", "b", "c"]


async def test_some_are_made_at_once() -> None:
    async with admission(waiting=1, at_once=3) as desk:
        works = [Work() for _ in range(4)]
        streams = [desk.submit(work) for work in works]
        for work in works[:3]:
            await until(work.begun)
        assert (desk.running, desk.waiting) == (3, 1)
        with pytest.raises(QueueFull):
            desk.submit(Work())
        assert not works[3].begun.is_set()
        streams[1].cancel()
        await until(works[3].begun)
        for stream in streams:
            stream.cancel()


async def test_batches_leave_a_place_for_people() -> None:
    async with admission(waiting=4, at_once=2) as desk:
        batch = [Work() for _ in range(3)]
        streams = [desk.submit(work, batch=True) for work in batch]
        await until(batch[0].begun)
        with pytest.raises(QueueFull):
            desk.submit(Work(), batch=True)
        person = Work()
        streams.append(desk.submit(person))
        await until(person.begun)
        assert not batch[1].begun.is_set()
        streams[-1].cancel()
        await until(person.closed)
        assert not batch[1].begun.is_set()
        streams[0].cancel()
        await until(batch[1].begun)
        for stream in streams:
            stream.cancel()
        await until(batch[1].closed)


async def test_full_queue_refuses_at_once_and_estimates() -> None:
    async with admission(waiting=1) as desk:
        streams = [desk.submit(Work()) for _ in range(2)]
        with pytest.raises(QueueFull) as caught:
            desk.submit(Work())
        assert caught.value.waiting == 1
        assert 1 <= caught.value.retry_after <= 10
        for stream in streams:
            stream.cancel()


async def test_cancelled_while_waiting_frees_its_place_and_never_runs() -> None:
    async with admission(waiting=1) as desk:
        first, second = Work(), Work()
        running = desk.submit(first)
        waiting = desk.submit(second)
        await until(first.begun)
        waiting.cancel()
        assert desk.waiting == 0
        desk.submit(Work()).cancel()
        running.cancel()
        await until(first.closed)
        assert not second.begun.is_set()


async def test_cancel_stops_the_job_and_ends_the_iteration() -> None:
    async with admission() as desk:
        work = Work()
        stream = desk.submit(work)
        work.go.release()
        assert await anext(stream) == 0
        stream.cancel()
        await until(work.closed)
        assert [item async for item in stream] == []


async def test_error_of_the_job_reaches_the_caller() -> None:
    def job(_: threading.Event) -> Generator[int, None, None]:
        yield 1
        raise LookupError("broken")

    async with admission() as desk:
        stream = desk.submit(job)
        assert await anext(stream) == 1
        with pytest.raises(LookupError, match="broken"):
            await anext(stream)
        assert [item async for item in desk.submit(lambda _: numbers(2))] == [0, 1]


async def test_deadline_ends_running_and_waiting_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    async with admission(deadline_s=30) as desk:
        running, waiting = Work(), Work()
        streams = [desk.submit(running), desk.submit(waiting)]
        await until(running.begun)
        loop = asyncio.get_running_loop()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + 30)
        for stream in streams:
            with pytest.raises(DeadlineExceeded):
                await anext(stream)
        await until(running.closed)
        assert not waiting.begun.is_set()


async def test_close_ends_everything_and_takes_nothing_more() -> None:
    async with admission() as desk:
        streams = [desk.submit(Work()) for _ in range(3)]
        await desk.close()
        for stream in streams:
            with pytest.raises(ShuttingDown):
                await anext(stream)
        with pytest.raises(ShuttingDown):
            desk.submit(Work())


async def test_estimate_follows_recent_durations() -> None:
    async with admission(waiting=0) as desk:
        for _ in range(3):
            assert [item async for item in desk.submit(lambda _: numbers(1))] == [0]
        running = desk.submit(Work())
        with pytest.raises(QueueFull) as caught:
            desk.submit(Work())
        assert caught.value.retry_after == 1
        running.cancel()
