from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.running import MANUAL, MODEL, QUESTION, client_of, fake_product
from tests.api.waiting import AsyncRequest, wait_for

pytestmark = pytest.mark.anyio
PATH = "/v1/chat/completions"


def chat(*contents: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    """A request whose messages are the user's and the assistant's in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": content} for index, content in enumerate(contents)]
    return {"model": MODEL, "messages": messages, **members}


async def test_completion_has_openai_s_shape_and_the_citations() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post(PATH, json=chat(QUESTION))
        native = (await client.post("/v1/answers", json={"question": QUESTION})).json()
    assert response.status_code == 200
    body = response.json()
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("chatcmpl-")
    assert body["usage"] == {"prompt_tokens": 120, "completion_tokens": 40, "total_tokens": 160}
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop"
    message = choice["message"]
    assert (message["role"], message["content"]) == ("assistant", native["answer"])
    cited = [(s, c) for s in native["sentences"] for c in s["citations"]]
    assert len(message["annotations"]) == len(message["context"]["citations"]) == len(cited) > 0
    for annotation, context, (sentence, citation) in zip(
        message["annotations"], message["context"]["citations"], cited, strict=True
    ):
        url_citation = annotation["url_citation"]
        assert annotation["type"] == "url_citation"
        assert [url_citation["start_index"], url_citation["end_index"]] == sentence["span"] == context["answer_span"]
        start, end = context["span"]
        place = f"/#document={citation['document']}&revision=1&span={start},{end}"
        assert url_citation["url"] == f"http://127.0.0.1{place}"
        assert context["cited_text"] == MANUAL[slice(*context["span"])]
        assert context["section_path"] == citation["section_path"]
        assert context["status"] == sentence["status"]


async def test_conversation_becomes_question_and_history() -> None:
    product = fake_product()
    body = chat(
        "What is a Corvo?", "A device [1].", "Of which class?", "IP65.", QUESTION, max_completion_tokens=9, seed=3
    )
    body["messages"].insert(0, {"role": "system", "content": "Talk like a pirate."})
    body["messages"][-1]["content"] = [{"type": "text", "text": QUESTION[:10]}, {"type": "text", "text": QUESTION[10:]}]
    async with client_of(product) as client:
        assert (await client.post(PATH, json=body)).status_code == 200
    (asked,) = product.answers.questions
    assert asked.text == QUESTION
    turns = [(turn.question, turn.answer) for turn in asked.history]
    assert turns == [("What is a Corvo?", "A device [1]."), ("Of which class?", "IP65.")]
    assert (asked.max_output_tokens, asked.seed, asked.temperature) == (9, 3, 0.0)


async def test_only_the_last_turns_count() -> None:
    product = fake_product()
    async with client_of(product) as client:
        await client.post(PATH, json=chat(*[f"message {n}" for n in range(60)], QUESTION))
    history = product.answers.questions[0].history
    assert (len(history), history[-1].question) == (20, "message 58")


async def test_collection_can_be_named() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post(PATH, json=chat(QUESTION, collection="secret"))
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown-collection"


async def test_stream_carries_the_citations_once_at_its_end() -> None:
    body = chat(QUESTION, stream=True, stream_options={"include_usage": True})
    async with client_of(fake_product()) as client:
        response = await client.post(PATH, json=body)
        whole = (await client.post(PATH, json=chat(QUESTION))).json()["choices"][0]["message"]
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, done = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert done == "[DONE]"
    *chunks, last, usage = [json.loads(event) for event in events]
    assert {chunk["object"] for chunk in (*chunks, last, usage)} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in (*chunks, last, usage)}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta["content"] for delta in deltas) == whole["content"]
    assert not [delta for delta in deltas if "annotations" in delta or "context" in delta]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * len(chunks)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["choices"][0]["delta"] == {"annotations": whole["annotations"], "context": whole["context"]}
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 160
    assert all(chunk["usage"] is None for chunk in (*chunks, last))


async def test_stream_without_usage_has_none() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post(PATH, json=chat(QUESTION, stream=True))
    assert "usage" not in response.text


async def test_abstention_is_a_complete_answer() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post(PATH, json=chat("Is the weather good for the inlet filter?"))
    (choice,) = response.json()["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["context"]["abstained"] is True
    assert choice["message"]["context"]["nearest"][0]["title"] == "Corvo 200 Manual"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"model": MODEL}, 400, "messages"),
        ({"model": MODEL, "messages": []}, 400, "messages"),
        (chat("a", "b"), 400, "messages"),
        (chat(" "), 400, "messages"),
        (chat("a" * 2001), 400, "question"),
        (chat("a", max_tokens=385), 400, "max_tokens"),
        (chat("a", n=2), 400, "n"),
        (chat("a", tools=[{"type": "function"}]), 400, "tools"),
        (chat("a", stop=["\n"]), 400, "stop"),
        (chat("a", logprobs=True), 400, "logprobs"),
        (chat("a", response_format={"type": "json_object"}), 400, "response_format"),
        (chat("a", temperature=9), 400, "temperature"),
        ({"model": "gpt-x", "messages": [{"role": "user", "content": "a"}]}, 404, None),
    ],
)
async def test_errors_have_openai_s_shape(body: dict[str, Any], status: int, param: str | None) -> None:
    async with client_of(fake_product()) as client:
        response = await client.post(PATH, json=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


async def test_picture_in_a_message_is_refused() -> None:
    body = chat("a")
    body["messages"][0]["content"] = [{"type": "image_url", "image_url": {"url": "data:"}}]
    async with client_of(fake_product()) as client:
        response = await client.post(PATH, json=body)
    assert response.status_code == 400


@pytest.mark.parametrize(
    "ignored", [{"top_p": 0.9}, {"user": "x"}, {"tools": []}, {"n": 1}, {"response_format": {"type": "text"}}]
)
async def test_settings_without_effect_are_accepted(ignored: dict[str, Any]) -> None:
    async with client_of(fake_product()) as client:
        assert (await client.post(PATH, json=chat(QUESTION, **ignored))).status_code == 200


async def test_method_not_allowed_has_openai_s_shape() -> None:
    async with client_of(fake_product()) as client:
        response = await client.get(PATH)
    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method-not-allowed"


async def test_full_queue_is_a_rate_limit() -> None:
    product = fake_product(delay=5, queue_size=0)
    async with client_of(product) as client, AsyncRequest(client, PATH, chat(QUESTION)):
        await wait_for(lambda: product.service.admission.running == 1)
        response = await client.post(PATH, json=chat(QUESTION))
    assert response.status_code == 429
    assert response.headers["retry-after"]
    assert response.json()["error"]["type"] == "rate_limit_error"


async def test_failure_in_the_stream_is_an_error_event() -> None:
    async with client_of(fake_product()) as client:
        response = await client.post(PATH, json=chat("fail over the filter", stream=True))
    last = response.text.strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["type"] == "server_error"
    assert "secret" not in response.text


async def test_models_are_listed() -> None:
    async with client_of(fake_product()) as client:
        listed = (await client.get("/v1/models")).json()
        assert (await client.get(f"/v1/models/{MODEL}")).json() == listed["data"][0]
        missing = await client.get("/v1/models/gpt-x")
    assert [card["id"] for card in listed["data"]] == [MODEL, "all-minilm-l6-v2"]
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"
