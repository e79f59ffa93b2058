from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from api.state.keys import KeyRequest
from tests.api.running import QUESTION, client_of, fake_product
from tests.api.serving import eventually, served
from tests.api.waiting import wait_for

STREAM = {"Accept": "text/event-stream"}


async def begin(client: httpx.AsyncClient, **body: str) -> str:
    made = await client.post("/v1/conversations", json=body)
    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/conversations/{made.json()['id']}"
    return str(made.json()["id"])


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [{}, STREAM])
async def test_answers_are_kept_as_they_were_given(headers: dict[str, str]) -> None:
    product = fake_product()
    async with client_of(product) as client:
        id = await begin(client)
        given = await client.post("/v1/answers", json={"question": QUESTION, "conversation": id}, headers=headers)
        kept = (await client.get(f"/v1/conversations/{id}")).json()
    (turn,) = kept["turns"]
    if headers:
        assert turn["answer"]["id"] in given.text
    else:
        assert turn["answer"] == given.json()
    assert turn["question"] == kept["title"] == QUESTION
    assert turn["answer"]["sentences"][0]["citations"]


@pytest.mark.anyio
async def test_earlier_turns_are_the_history() -> None:
    product = fake_product()
    async with client_of(product) as client:
        id = await begin(client, title="Filters", collection="default")
        first = (await client.post("/v1/answers", json={"question": QUESTION, "conversation": id})).json()
        await client.post("/v1/answers", json={"question": "And the storage?", "conversation": id})
        body = {"question": "And the storage of a Corvo?", "conversation": id, "replace": True}
        await client.post("/v1/answers", json=body)
        kept = (await client.get(f"/v1/conversations/{id}")).json()
    histories = [[(turn.question, turn.answer) for turn in asked.history] for asked in product.answers.questions]
    assert histories == [[], [(QUESTION, first["answer"])], [(QUESTION, first["answer"])]]
    assert [turn["question"] for turn in kept["turns"]] == [QUESTION, "And the storage of a Corvo?"]
    assert kept["title"] == "Filters"


def test_what_was_stopped_is_kept_as_far_as_it_came() -> None:
    product = fake_product(delay=0.05)
    with served(product.app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        eventually(product.loaded.is_set)
        id = client.post("/v1/conversations", json={}).json()["id"]
        body = {"question": QUESTION, "conversation": id}
        with client.stream("POST", "/v1/answers", json=body, headers=STREAM) as response:
            text = ""
            for piece in response.iter_text():
                text += piece
                if text.count("event: delta") >= 3:
                    break
        eventually(lambda: client.get(f"/v1/conversations/{id}").json()["turns"][0]["text"] != "")
        (turn,) = client.get(f"/v1/conversations/{id}").json()["turns"]
    assert turn["answer"] is None
    assert turn["text"].startswith("The inlet filter")


@pytest.mark.anyio
async def test_a_question_is_kept_before_it_is_answered() -> None:
    product = fake_product(delay=5)
    async with client_of(product) as client:
        id = await begin(client)
        asking = asyncio.create_task(client.post("/v1/answers", json={"question": QUESTION, "conversation": id}))
        await wait_for(lambda: product.service.admission.running == 1)
        turns: list[dict[str, object]] = []
        while not turns:
            turns = (await client.get(f"/v1/conversations/{id}")).json()["turns"]
        asking.cancel()
    assert (turns[0]["question"], turns[0]["answer"]) == (QUESTION, None)


@pytest.mark.anyio
async def test_a_question_that_finds_no_place_leaves_no_turn() -> None:
    product = fake_product(delay=5, queue_size=0)
    async with client_of(product) as client:
        id = await begin(client)
        running = asyncio.create_task(client.post("/v1/answers", json={"question": QUESTION}))
        await wait_for(lambda: product.service.admission.running == 1)
        refused = await client.post("/v1/answers", json={"question": QUESTION, "conversation": id})
        assert refused.status_code == 429
        assert (await client.get(f"/v1/conversations/{id}")).json()["turns"] == []
        running.cancel()


@pytest.mark.anyio
async def test_listed_found_renamed_deleted() -> None:
    async with client_of(fake_product()) as client:
        ids = [await begin(client, title=f"Number {number}") for number in range(3)]
        renamed = await client.patch(f"/v1/conversations/{ids[0]}", json={"title": " Über alles "})
        assert renamed.json()["title"] == "Über alles"
        first = (await client.get("/v1/conversations?limit=2")).json()
        cursor = first["next_cursor"]
        rest = (await client.get("/v1/conversations", params={"limit": 2, "cursor": cursor})).json()
        listed = [conversation["id"] for conversation in (*first["conversations"], *rest["conversations"])]
        assert listed == [ids[0], ids[2], ids[1]]
        assert rest["next_cursor"] is None
        found = (await client.get("/v1/conversations", params={"search": "über"})).json()["conversations"]
        assert [conversation["id"] for conversation in found] == [ids[0]]
        assert (await client.delete(f"/v1/conversations/{ids[0]}")).status_code == 204
        assert (await client.get(f"/v1/conversations/{ids[0]}")).status_code == 404
        bad = await client.get("/v1/conversations?cursor=nonsense")
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "cursor")


@pytest.mark.anyio
async def test_export_is_a_file_with_chapter_and_verse() -> None:
    async with client_of(fake_product()) as client:
        id = await begin(client, title="Füße & Filter\n# no heading")
        await client.post("/v1/answers", json={"question": QUESTION, "conversation": id})
        response = await client.get(f"/v1/conversations/{id}/export")
    assert response.headers["content-type"] == "text/markdown; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="fue-filter-no-heading.md"'
    text = re.sub(r"Begun \d{4}-\d\d-\d\d", "Begun DAY", response.text)
    assert text.startswith(f"# Füße & Filter # no heading\n\nBegun DAY\n\n## {QUESTION}\n\nThe inlet filter must be")
    assert (
        "1. Corvo 200 Manual, revision 1 › Maintenance › Inlet filter (corvo/manual.md): "
        "“The inlet filter must be replaced every 2,000 hours of operation.”\n2. " in text
    )
    assert text.endswith("No passage backs: “It has always been so, at least since the first edition.”\n")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"question": "a", "conversation": "conv_none"}, 404),
        ({"question": "a", "conversation": "x" * 65}, 422),
        ({"question": "a", "replace": True}, 422),
        ({"question": "a", "conversation": "c", "history": [{"question": "a", "answer": "b"}]}, 422),
    ],
)
async def test_what_can_not_be_is_refused(body: dict[str, object], status: int) -> None:
    product = fake_product()
    async with client_of(product) as client:
        assert (await client.post("/v1/answers", json=body)).status_code == status
    assert product.answers.questions == []


@pytest.mark.anyio
async def test_feedback_is_given_and_read() -> None:
    async with client_of(fake_product()) as client:
        id = await begin(client)
        answer = (await client.post("/v1/answers", json={"question": QUESTION, "conversation": id})).json()
        body = {"answer": answer["id"], "rating": "down", "reason": "wrong_source", "comment": "Other manual."}
        assert (await client.post("/v1/feedback", json=body)).status_code == 201
        listed = (await client.get("/v1/feedback?rating=down")).json()["feedback"]
        assert (await client.get("/v1/feedback?rating=up")).json()["feedback"] == []
        assert (await client.post("/v1/feedback", json={**body, "rating": "great"})).status_code == 422
    assert [(given["question"], given["reason"], given["comment"]) for given in listed] == [
        (QUESTION, "wrong_source", "Other manual.")
    ]


@pytest.mark.anyio
async def test_strangers_who_share_a_name_find_and_keep_nothing() -> None:
    product = fake_product(host="192.0.2.1", open_access=True)
    conversations = product.service.memory.conversations
    left = conversations.create("local", "Left by somebody")  # on loopback, or by an earlier version
    conversations.begin_turn("local", left.id, "A secret?")
    path = f"/v1/conversations/{left.id}"
    async with client_of(product) as client:
        client.headers["Host"] = "192.0.2.1"
        for response in (
            await client.get("/v1/conversations"),
            await client.get("/v1/conversations?search=secret"),
            await client.post("/v1/conversations", json={}),
            await client.get(path),
            await client.get(f"{path}/export"),
            await client.patch(path, json={"title": "Mine"}),
            await client.delete(path),
            await client.post("/v1/answers", json={"question": QUESTION, "conversation": left.id}),
            await client.post("/v1/answers", json={"question": QUESTION, "conversation": "conv_none"}),
        ):
            assert (response.status_code, response.json()["type"]) == (403, "urn:docqa:problem:no-conversations")
            assert "secret" not in response.text
        assert (await client.post("/v1/answers", json={"question": QUESTION})).status_code == 200
        _, secret = product.service.memory.keys.create(KeyRequest("bot"))
        client.headers["Authorization"] = f"Bearer {secret}"
        assert (await client.get("/v1/session")).json()["keeps_conversations"]
        own = await begin(client)
        assert [one["id"] for one in (await client.get("/v1/conversations")).json()["conversations"]] == [own]
    assert [found.id for found in conversations.page("local", 9).items] == [left.id]
    assert [turn.question for turn in conversations.turns("local", left.id)[1]] == ["A secret?"]
