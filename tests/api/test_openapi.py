from __future__ import annotations

from typing import Any

import pytest

from tests.api.permissions import PERMISSIONS
from tests.api.running import client_of, fake_product

pytestmark = pytest.mark.anyio


async def description() -> dict[str, Any]:
    async with client_of(fake_product()) as client:
        first = (await client.get("/openapi.json")).json()
        assert (await client.get("/openapi.json")).json() == first
        return dict(first)


async def test_every_route_is_described() -> None:
    paths = (await description())["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(PERMISSIONS)


async def test_errors_are_described_as_they_are() -> None:
    described = await description()
    native = described["paths"]["/v1/answers"]["post"]["responses"]
    openai = described["paths"]["/v1/chat/completions"]["post"]["responses"]
    assert set(native) == {*["200", "400", "401", "403", "404", "409", "413", "421", "422", "429", "500", "503", "504"]}
    assert set(openai) == {*["200", "400", "401", "403", "404", "413", "421", "429", "500", "503", "504"]}
    problem, error = "#/components/schemas/ProblemBody", "#/components/schemas/ErrorBody"
    assert native["422"]["content"] == {"application/problem+json": {"schema": {"$ref": problem}}}
    assert openai["400"]["content"] == {"application/json": {"schema": {"$ref": error}}}
    assert "HTTPValidationError" not in described["components"]["schemas"]


async def test_every_reference_leads_somewhere() -> None:
    described = await description()
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            found.extend(value for key, value in node.items() if key == "$ref")
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(described)
    assert found
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in described["components"]["schemas"]
