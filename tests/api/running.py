"""The application over fakes, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.readiness import State
from api.service import Service
from api.settings import Settings
from tests.api.fake_answers import FakeAnswers
from tests.api.fake_components import FakeComponents
from tests.api.library import library
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.files import PlainReader

MODEL = "fake-model"
QUESTION = "How often must the inlet filter be replaced?"
MANUAL = """# Corvo 200 Manual

## Maintenance

### Inlet filter

The inlet filter must be replaced every 2,000 hours of operation. Use only filters with part number CF-200.

### Storage

Store the device dry, between 5 and 40 degrees Celsius.
"""
HANDBOOK = """# Staff Handbook

## Leave

Every employee has 28 days of leave in each calendar year. Requests go to <script>alert(1)</script> the manager.
"""


@dataclass(slots=True)
class FakeProduct:
    """An application over fakes, and the fakes."""

    app: FastAPI
    answers: FakeAnswers
    catalog: MemoryCatalog
    states: list[State] = field(default_factory=list)
    loaded: Event = field(default_factory=Event)

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service


def fake_product(
    *,
    catalog: MemoryCatalog | None = None,
    delay: float = 0.0,
    hold: Event | None = None,
    error: Exception | None = None,
    reader: PlainReader | None = None,
    **settings: Any,  # noqa: ANN401 - settings of any type
) -> FakeProduct:
    """Not yet started. ``delay`` seconds before each word; the others are as in `FakeComponents`."""
    if catalog is None:
        catalog = library({"corvo/manual.md": MANUAL, "staff/handbook.md": HANDBOOK})
    answers = FakeAnswers(catalog, delay)
    components = FakeComponents(
        catalog, answers, Settings(**{"model": MODEL, "answers_at_once": 1, **settings}), hold, error, reader
    )

    def on_loaded(state: State) -> None:
        product.states.append(state)
        product.loaded.set()

    product = FakeProduct(create_app(components, on_loaded), answers, catalog)
    return product


@asynccontextmanager
async def client_of(product: FakeProduct, *, ready: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application in this event loop; a client that sees each response once it is complete."""
    app = product.app
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as c,
    ):
        if ready:
            assert product.loaded.wait(10)
        yield c
