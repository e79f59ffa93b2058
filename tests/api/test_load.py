"""More callers than are answered at a time: who is let in gets the answer that he would get alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from api.app import create_app
from api.components import LocalComponents
from api.settings import Settings
from qa.answer import AnswerEvent, Question
from tests.api.library import CORPUS
from tests.api.load import QUESTIONS, Load, Outcome, resident
from tests.api.running import QUESTION, fake_product
from tests.api.serving import eventually, served

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.models
def test_with_the_small_model(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(REPOSITORY / "data" / "models")
    settings = Settings(
        data_dir=data,
        model="smollm2-135m-instruct",
        max_output_tokens=24,
        prompt_tokens=500,
        answers_at_once=3,
        queue_size=3,
    )
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    asked = [item["question"] for item in questions if item["id"].startswith("policies")][:6]
    loaded = threading.Event()
    with LocalComponents(settings) as components:
        assert components.pipeline.ingest([CORPUS / "policies"], "default").failed == ()
        with served(create_app(components, lambda _: loaded.set())) as url:
            assert loaded.wait(120)
            outcome = Load(url, asked).run(clients=12, seconds=10)
    assert outcome.failed == []
    assert outcome.different == []
    assert outcome.answered >= 12
    assert outcome.rejected


def test_what_fails_and_what_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    product = fake_product()
    answer, asked = product.answers.answer, count(1)

    def unsteady(question: Question, cancel: Event | None = None) -> Iterator[AnswerEvent]:
        match next(asked):
            case 2:
                raise RuntimeError("inside")
            case 3:
                question = replace(question, text="days of leave")
        yield from answer(question, cancel)

    with served(product.app) as url:
        eventually(product.loaded.is_set)
        assert Load(url, [QUESTION]).run(clients=2, seconds=0.5).good
        monkeypatch.setattr(product.answers, "answer", unsteady)
        outcome = Load(url, [QUESTION]).run(clients=1, seconds=3)
    assert (len(outcome.failed), len(outcome.different)) == (1, 1)
    assert "days of leave" in outcome.different[0]
    assert outcome.answered
    assert not outcome.good


def test_memory_that_grows_is_told() -> None:
    flat, growing = [100] * 40, list(range(100, 140))
    assert Outcome(answered=1, memory=flat).good
    assert not Outcome(answered=1, memory=growing).good
    assert resident(1) > 0
