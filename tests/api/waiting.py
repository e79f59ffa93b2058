"""Waiting inside an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import httpx


async def wait_for(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Until ``holds``; fails after ``seconds``."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not come true in time"
        await asyncio.sleep(0.01)


class AsyncRequest:
    """A request under way while the body of the ``with`` statement runs, given up at its end."""

    def __init__(self, client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
        self._request = client.post(path, json=body)

    async def __aenter__(self) -> asyncio.Task[httpx.Response]:
        self._task = asyncio.ensure_future(self._request)
        return self._task

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
