from __future__ import annotations

import re
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from decoding.load import Load
from tests.api.fake_components import FakeComponents
from tests.api.running import QUESTION, client_of, fake_product
from tests.api.waiting import AsyncRequest, wait_for

pytestmark = pytest.mark.anyio


async def test_alive_at_once_and_ready_once_loaded() -> None:
    hold = threading.Event()
    product = fake_product(hold=hold)
    async with client_of(product, ready=False) as client:
        await wait_for(lambda: "language model" in str(product.service.readiness.state))
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        waiting = await client.get("/readyz")
        assert waiting.status_code == 503
        assert waiting.json()["type"] == "urn:docqa:problem:not-ready"
        assert waiting.json()["loading"] == "language model"
        assert (await client.get("/v1/documents")).status_code == 503
        hold.set()
        await wait_for(product.loaded.is_set)
        assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_failed_loading_is_never_ready_and_tells_nothing() -> None:
    product = fake_product(error=OSError("secret path"))
    async with client_of(product) as client:
        response = await client.get("/readyz")
        assert (await client.get("/healthz")).status_code == 200
    assert response.status_code == 503
    assert "secret" not in response.text


async def test_metrics_count_what_happened() -> None:
    product = fake_product(queue_size=0)
    async with client_of(product) as client:
        await client.post("/v1/answers", json={"question": QUESTION})
        await client.post("/v1/answers", json={"question": "Is the weather good for the inlet filter?"})
        await client.post("/v1/answers", json={"question": "fail over the filter"})
        await client.get("/v1/documents/nothing/revisions/1")
        await client.get("/no/such/page")
        text = (await client.get("/metrics")).text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["docqa_answers_total", "answered"] == 1
    assert samples["docqa_answers_total", "abstained"] == 1
    assert samples["docqa_answers_total", "failed"] == 1
    assert samples["docqa_http_requests_total", "POST", "/v1/answers", "200"] == 2
    assert samples["docqa_http_requests_total", "POST", "/v1/answers", "500"] == 1
    route = "/v1/documents/{document}/revisions/{revision}"
    assert samples["docqa_http_requests_total", "GET", route, "404"] == 1
    assert samples["docqa_http_requests_total", "GET", "other", "404"] == 1
    assert samples["docqa_tokens_total", "output"] == 80
    assert samples["docqa_tokens_total", "cached"] == 160
    assert samples["docqa_draft_tokens_total", "accepted", "text"] == 44
    assert samples["docqa_draft_tokens_total", "rejected", "text"] == 36
    assert samples["docqa_target_steps_total",] == 32
    assert samples["docqa_sentences_total", "unsupported"] == 1
    assert samples["docqa_answers_running",] == 0
    assert not re.search("inlet|weather|such/page", text)


async def test_metrics_show_running_waiting_and_rejected() -> None:
    product = fake_product(delay=5, queue_size=1)
    body = {"question": QUESTION}
    async with client_of(product) as client:
        async with AsyncRequest(client, "/v1/answers", body), AsyncRequest(client, "/v1/answers", body):
            await wait_for(lambda: product.service.admission.waiting == 1)
            assert (await client.post("/v1/answers", json=body)).status_code == 429
            text = (await client.get("/metrics")).text
        await wait_for(lambda: product.service.admission.running == 0)
        after = (await client.get("/metrics")).text
    assert "docqa_answers_running 1.0" in text
    assert "docqa_answers_waiting 1.0" in text
    assert 'docqa_answers_total{outcome="rejected"} 1.0' in text
    assert 'docqa_answers_total{outcome="cancelled"} 2.0' in after
    assert "docqa_answers_running 0.0" in after


async def test_metrics_tell_how_full_the_decoder_is() -> None:
    product = fake_product()
    async with client_of(product) as client:
        assert "docqa_pass_rows" not in (await client.get("/metrics")).text
        components = product.service.components
        assert isinstance(components, FakeComponents)
        components.decoder = Load({1: 3, 12: 2, 256: 1, 300: 1}, 520, 9, 54, 2, 1, 4, 4096, 8192)
        text = (await client.get("/metrics")).text
    for line in (
        'docqa_pass_rows_bucket{le="1.0"} 3.0',
        'docqa_pass_rows_bucket{le="16.0"} 5.0',
        'docqa_pass_rows_bucket{le="256.0"} 6.0',
        'docqa_pass_rows_bucket{le="+Inf"} 7.0',
        "docqa_pass_rows_sum 583.0",
        'docqa_rows_total{kind="prompt"} 520.0',
        'docqa_rows_total{kind="draft"} 54.0',
        "docqa_preemptions_total 4.0",
        "docqa_sequences 2.0",
        "docqa_sequences_waiting 1.0",
        "docqa_kv_bytes 4096.0",
        "docqa_kv_limit_bytes 8192.0",
    ):
        assert line in text.splitlines()
