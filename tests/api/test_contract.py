"""Requests made up from the API's description: no server error, and no status, type or body that it does not name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi

from tests.api.library import publish
from tests.api.permissions import PERMISSIONS
from tests.api.running import QUESTION, FakeProduct, fake_product
from tests.api.serving import eventually, served

EXAMPLES = int(os.environ.get("DOCQA_TEST_EXAMPLES", "8"))
"""Requests of each kind for each operation; always the same."""
QUOTE = "The inlet filter must be replaced every 2,000 hours of operation."
CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
]
ROUTES = sorted(PERMISSIONS, key=str)


@dataclass
class Served:
    """A running service, its description, and the connection to it."""

    url: str
    schema: Any
    product: FakeProduct
    session: requests.Session

    def there(self) -> dict[str, Any]:
        """Things that are there to be named in paths; made anew, since requests delete them."""
        with httpx.Client(base_url=self.url) as client:
            eventually(lambda: all(job["ended_at"] for job in client.get("/v1/jobs").json()["jobs"]))
            for removed in self.product.catalog.removed():
                publish(self.product.catalog, removed.collection, self.product.catalog.document(removed.id))
            document = client.get("/v1/documents").json()["documents"][0]["document"]
            sources = [{"document": document, "quote": QUOTE}]
            pinned = {"question": QUESTION, "answer": QUOTE, "sources": sources}
            conversation = client.post("/v1/conversations", json={}).json()["id"]
            client.post("/v1/answers", json={"question": QUESTION, "conversation": conversation})
            client.post("/v1/answers", json={"question": "How is the weather at the inlet filter?"})
            queue = client.get("/v1/unanswered").json()["unanswered"]
            return {
                "document": document,
                "revision": 1,
                "conversation": conversation,
                "curated": client.post("/v1/curated", json=pinned).json()["id"],
                "unanswered": queue[0]["id"],
                "key": client.post("/v1/keys", json={"name": "test"}).json()["id"],
                "model": self.product.service.settings.model,
            }


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    product = fake_product(queue_size=100)
    schema = schemathesis.openapi.from_dict(product.app.openapi())
    with served(product.app) as url, requests.Session() as session:
        eventually(product.loaded.is_set)
        yield Served(url, schema, product, session)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_is_described_is_what_comes(service: Served, method: str, path: str, mode: GenerationMode) -> None:
    operation = service.schema[path][method]
    there = service.there()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode), named=st.booleans())
    def check(case: schemathesis.Case[Any], named: bool) -> None:
        if named:
            case.path_parameters = {name: there.get(name, value) for name, value in case.path_parameters.items()}
        response = case.call(base_url=service.url, session=service.session, timeout=120)
        case.validate_response(response, checks=CHECKS)

    # Where nothing is taken, or any text, there is nothing that can be wrong.
    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        check()
