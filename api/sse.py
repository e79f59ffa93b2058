"""Server-Sent Events: how an event looks on the wire, heartbeats, and noticing that the reader left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b": heartbeat\n\n"
HEARTBEAT_SECONDS = 15.0


def encode_event(data: object, event: str | None = None) -> bytes:
    """One event whose data is JSON; JSON has no bare line breaks, so one data line holds it."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class EventStream(StreamingResponse):
    """Sends encoded events as they come; ``finish`` is called however that ends, at once when the client is gone."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        finish: Callable[[], None],
        heartbeat_s: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._finish = finish
        self._events = _with_heartbeat(events, heartbeat_s)
        # X-Accel-Buffering keeps nginx from collecting events before it passes them on.
        super().__init__(self._events, headers={"X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the events or the client end, whichever is first."""
        sending = asyncio.create_task(self.stream_response(send))
        leaving = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._finish()
            leaving.cancel()
            sending.cancel()
            with suppress(asyncio.CancelledError, OSError):  # OSError: the connection broke while sending
                await sending
            await self._events.aclose()


async def _with_heartbeat(events: AsyncGenerator[bytes, None], seconds: float) -> AsyncGenerator[bytes, None]:
    """The events, with a comment whenever none came for ``seconds``: proxies close connections that are silent."""
    while True:
        upcoming = asyncio.ensure_future(anext(events, None))
        try:
            while not (await asyncio.wait({upcoming}, timeout=seconds))[0]:
                yield HEARTBEAT
        finally:
            upcoming.cancel()  # without effect on one that is done
        event = upcoming.result()
        if event is None:
            return
        yield event
