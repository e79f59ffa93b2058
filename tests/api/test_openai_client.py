"""The official client, against a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import APIError, BadRequestError, NotFoundError, OpenAI, RateLimitError

from tests.api.running import MANUAL, MODEL, QUESTION, FakeProduct, fake_product
from tests.api.serving import eventually, served

ASK = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def product() -> FakeProduct:
    return fake_product()


@pytest.fixture
def client(product: FakeProduct) -> Iterator[OpenAI]:
    with served(product.app) as url, OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        eventually(product.loaded.is_set)
        yield client


def test_completion(client: OpenAI) -> None:
    completion = client.chat.completions.create(model=MODEL, messages=ASK)  # type: ignore[call-overload]
    message = completion.choices[0].message
    assert message.content.startswith("The inlet filter must be replaced every 2,000 hours of operation.")
    citation = message.annotations[0].url_citation
    assert (
        message.content[citation.start_index : citation.end_index]
        == "The inlet filter must be replaced every 2,000 hours of operation."
    )
    assert "Inlet filter" in citation.title
    assert message.context["citations"][0]["cited_text"] in MANUAL
    assert completion.usage.total_tokens == 160


def test_stream(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(  # type: ignore[call-overload]
            model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == client.chat.completions.create(model=MODEL, messages=ASK).choices[0].message.content  # type: ignore[call-overload]
    cited = [chunk for chunk in chunks if chunk.choices and getattr(chunk.choices[0].delta, "context", None)]
    assert len(cited) == 1
    assert cited[0].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens == 40


def test_streaming_helper_assembles_the_message(client: OpenAI) -> None:
    with client.chat.completions.stream(model=MODEL, messages=ASK) as stream:  # type: ignore[arg-type]
        content = stream.get_final_completion().choices[0].message.content
    assert content is not None
    assert content.startswith("The inlet filter")


def test_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "docqa"


def test_errors_are_the_client_s_own(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as missing:
        client.chat.completions.create(model="gpt-x", messages=ASK)  # type: ignore[call-overload]
    assert missing.value.code == "model_not_found"
    with pytest.raises(BadRequestError) as bad:
        client.chat.completions.create(model=MODEL, messages=ASK, n=2)  # type: ignore[call-overload]
    assert bad.value.param == "n"


def test_error_in_the_stream_is_raised(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "fail over the filter"}], stream=True
    )
    with pytest.raises(APIError, match="went wrong"):
        list(stream)


def test_full_queue_is_a_rate_limit_error() -> None:
    product = fake_product(delay=0.5, queue_size=0)
    with served(product.app) as url, OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        eventually(product.loaded.is_set)
        with client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as running:  # type: ignore[call-overload]
            next(iter(running))
            with pytest.raises(RateLimitError) as full:
                client.chat.completions.create(model=MODEL, messages=ASK)  # type: ignore[call-overload]
    assert int(full.value.response.headers["retry-after"]) >= 1
