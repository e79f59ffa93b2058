"""Usage as administrators see it: counted from the service's own answers, without what was asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from api.access import Role
from api.state.tables import usage
from tests.api.library import library, markdown_document, publish
from tests.api.running import MANUAL, QUESTION, FakeProduct, client_of, fake_product
from tests.api.test_access import key_for
from tests.api.waiting import AsyncRequest, wait_for

pytestmark = pytest.mark.anyio

REFUSED = "Is the weather good?"


async def counted(product: FakeProduct, number: int) -> None:
    """Questions are counted a moment after their answers."""

    def there() -> bool:
        with product.service.memory.usage._database.read() as connection:
            return len(connection.execute(select(usage)).all()) == number

    await wait_for(there)


async def test_answers_are_counted_by_day_and_by_who_asked() -> None:
    product = fake_product(sign_in=("keys",))
    async with client_of(product) as client:
        admin, reader = key_for(product, role=Role.ADMIN), key_for(product)
        answer = (await client.post("/v1/answers", json={"question": QUESTION}, headers=reader)).json()
        chat = {"model": "fake-model", "messages": [{"role": "user", "content": QUESTION}]}
        await client.post("/v1/chat/completions", json=chat, headers=reader)
        assert (await client.post("/v1/answers", json={"question": REFUSED}, headers=admin)).json()["abstained"]
        await client.post("/v1/answers", json={"question": "fail"}, headers=admin)
        opinion = {"answer": answer["id"], "rating": "up"}
        await client.post("/v1/feedback", json=opinion, headers=reader)
        await counted(product, 4)
        response = await client.get("/v1/usage", headers=admin)
        body: dict[str, Any] = response.json()
        assert not [word for word in (QUESTION, REFUSED, answer["answer"]) if word in response.text]
        (day,) = body["days"]
        total = body["total"]
        assert {**total, "day": day["day"]} == day
        assert day["day"] == body["last"] == datetime.now(UTC).date().isoformat()
        assert (total["questions"], total["abstained"], total["lost"], total["helpful"]) == (4, 1, 1, 1)
        assert total["sentences"] == 2 * len(answer["sentences"])
        assert total["output_tokens"] >= 2 * answer["stats"]["output_tokens"]
        assert [(one["name"], one["questions"]) for one in body["callers"]] == [("test", 2), ("test", 2)]
        known = {key["id"] for key in (await client.get("/v1/keys", headers=admin)).json()["keys"]}
        assert {one["caller"] for one in body["callers"]} <= known | {f"key:{id}" for id in known}
        query = {"asked_by": body["callers"][0]["caller"], "callers": 0}
        one = (await client.get("/v1/usage", params=query, headers=admin)).json()
        assert (one["total"]["questions"], one["callers"], one["further_callers"]) == (2, [], 1)


async def test_a_client_that_leaves_is_counted_as_lost() -> None:
    product = fake_product(delay=0.05)
    async with client_of(product) as client:
        async with AsyncRequest(client, "/v1/answers", {"question": QUESTION}):
            await wait_for(lambda: product.service.admission.running == 1)
        await counted(product, 1)
        assert (await client.get("/v1/usage")).json()["total"]["lost"] == 1


async def test_an_administrator_of_some_collections_sees_their_figures_alone() -> None:
    catalog = library({"a.md": MANUAL})
    publish(catalog, "staff", markdown_document("b.md", MANUAL))
    product = fake_product(catalog=catalog, sign_in=("keys",))
    async with client_of(product) as client:
        every, some = key_for(product, role=Role.ADMIN), key_for(product, role=Role.ADMIN, collections=["staff"])
        for collection in ("default", "default", "staff"):
            asked = {"question": QUESTION, "collection": collection}
            assert (await client.post("/v1/answers", json=asked, headers=every)).status_code == 200
        await counted(product, 3)
        for key, number in ((every, 3), (some, 1)):
            body = (await client.get("/v1/usage", headers=key)).json()
            assert body["total"]["questions"] == body["days"][0]["questions"] == number


async def test_nothing_is_kept_where_that_is_not_wanted() -> None:
    product = fake_product(usage_days=0)
    async with client_of(product) as client:
        await client.post("/v1/answers", json={"question": QUESTION})
    with product.service.memory.usage._database.read() as connection:
        assert connection.execute(select(usage)).all() == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("first=2026-11-30&last=2026-11-29", 422),
        ("first=today", 422),
        ("callers=1001", 422),
        ("last=0001-01-05", 200),
        ("first=0001-01-01&last=9999-12-31", 200),
    ],
)
async def test_the_days_asked_for_are_checked(query: str, status: int) -> None:
    async with client_of(fake_product()) as client:
        assert (await client.get(f"/v1/usage?{query}")).status_code == status
