"""The official client, against a real server."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from openai import APIError, BadRequestError, NotFoundError, OpenAI, RateLimitError
from openai.types.chat import ChatCompletionMessageParam

from tests.api.running import MANUAL, MODEL, QUESTION, FakeProduct, fake_product
from tests.api.serving import eventually, served

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
FIRST = "The inlet filter must be replaced every 2,000 hours of operation."


@pytest.fixture
def product() -> FakeProduct:
    return fake_product()


@pytest.fixture
def client(product: FakeProduct) -> Iterator[OpenAI]:
    with served(product.app) as url, OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        eventually(product.loaded.is_set)
        yield client


def test_completion(client: OpenAI) -> None:
    completion = client.chat.completions.create(model=MODEL, messages=ASK)
    message = completion.choices[0].message
    assert message.content
    assert message.annotations
    assert message.content.startswith(FIRST)
    citation = message.annotations[0].url_citation
    assert message.content[citation.start_index : citation.end_index] == FIRST
    assert citation.title == "Corvo 200 Manual › Maintenance › Inlet filter"
    assert message.model_extra
    assert message.model_extra["context"]["citations"][0]["cited_text"] in MANUAL
    assert completion.usage
    assert completion.usage.total_tokens == 160


def test_stream(client: OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=ASK)
    chunks = list(
        client.chat.completions.create(model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True})
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == whole.choices[0].message.content
    cited = [choice for choice in choices if "context" in (choice.delta.model_extra or {})]
    assert cited == choices[-1:]
    assert cited[0].finish_reason == "stop"
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 40


def test_streaming_helper_assembles_the_message(client: OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=ASK) as stream:
        content = stream.get_final_completion().choices[0].message.content
    assert content
    assert content.startswith(FIRST)


def test_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL, "all-minilm-l6-v2"]
    assert client.models.retrieve(MODEL).owned_by == "docqa"


def test_errors_are_the_client_s_own(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as missing:
        client.chat.completions.create(model="gpt-x", messages=ASK)
    assert missing.value.code == "model_not_found"
    with pytest.raises(BadRequestError) as bad:
        client.chat.completions.create(model=MODEL, messages=ASK, n=2)
    assert bad.value.param == "n"


def test_error_in_the_stream_is_raised(client: OpenAI) -> None:
    failing: list[ChatCompletionMessageParam] = [{"role": "user", "content": "fail over the filter"}]
    stream = client.chat.completions.create(model=MODEL, messages=failing, stream=True)
    with pytest.raises(APIError, match="went wrong"):
        list(stream)


def test_full_queue_is_a_rate_limit_error() -> None:
    product = fake_product(delay=0.5, queue_size=0)
    with served(product.app) as url, OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        eventually(product.loaded.is_set)
        with client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as running:
            next(iter(running))
            with pytest.raises(RateLimitError) as full:
                client.chat.completions.create(model=MODEL, messages=ASK)
    assert int(full.value.response.headers["retry-after"]) >= 1


def test_embeddings(client: OpenAI, product: FakeProduct) -> None:
    model = product.service.settings.embedder
    texts = ["the inlet filter", "days of leave", "the filter of the inlet"]
    made = client.embeddings.create(model=model, input=texts)
    assert [item.index for item in made.data] == [0, 1, 2]
    expected = product.service.components.embedder.embed(texts)
    assert np.array_equal(np.array([item.embedding for item in made.data], np.float32), expected)
    plain = client.embeddings.create(model=model, input=texts[0], encoding_format="float")
    assert plain.data[0].embedding == made.data[0].embedding
    assert made.usage.prompt_tokens == made.usage.total_tokens > plain.usage.prompt_tokens > 0
    assert (made.model, model in [card.id for card in client.models.list()]) == (model, True)


def test_what_can_not_be_embedded_is_said(client: OpenAI, product: FakeProduct) -> None:
    model = product.service.settings.embedder
    with pytest.raises(NotFoundError, match="'all-minilm-l6-v2' does"):
        client.embeddings.create(model=MODEL, input="a")
    for wrong, reason in (
        (["a", "word " * 300], "text 1 has 300 tokens, the model takes 256 at most"),
        ([], "input"),
        ("", "input"),
        (["a"] * 257, "input"),
        ([1, 2, 3], "input"),
    ):
        with pytest.raises(BadRequestError, match=reason):
            client.embeddings.create(model=model, input=wrong)
    with pytest.raises(BadRequestError, match="256 dimensions"):
        client.embeddings.create(model=model, input="a", dimensions=64)
