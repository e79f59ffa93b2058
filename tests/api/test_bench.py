"""`docqa bench` on the 135M model, and its errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from decoding.bench.prompts import BenchPrompt
from decoding.generator import FinishReason, GenerationDone, GenerationParams, Generator
from qa.answer import Question
from qa.evaluation.prompts import NOTHING, RecordingGenerator, prompts_of
from qa.evaluation.questions import GoldQuestion
from tests.api.test_evaluate import QUESTIONS

MODEL = "smollm2-135m-instruct"
MODELS = Path("data/models").resolve()
needs_model = pytest.mark.skipif(not (MODELS / MODEL).is_dir(), reason=f"not in data/models: {MODEL}")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty data folder with the models of this machine."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "models").symlink_to(MODELS)
    monkeypatch.setenv("DOCQA_DATA_DIR", str(folder))


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    file = tmp_path / "prompts.jsonl"
    texts = ("Repeat this: the meter counts, the meter counts, the meter counts.", "Name a colour.")
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    return file


@pytest.mark.models
@needs_model
def test_decoding_is_measured_and_exact(prompts: Path) -> None:
    arguments = ["bench", "decoding", "--model", MODEL, "--prompts", str(prompts), "--max-tokens", "12", "--json"]
    done = CliRunner().invoke(app, [*arguments, "--no-exactness"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert [speed["engine"] for speed in report["speed"]] == ["docqa", "docqa, no drafts"]
    assert report["speed"][0]["tokens"] == report["speed"][1]["tokens"]
    assert report["other_outputs"] == []
    assert set(report["drafts"]) == {"all", "text", "document", "successor", "text, document", "asked again"}
    assert report["steps"]["rows"][0] == 1
    again = CliRunner().invoke(app, [*arguments[:-1], "--no-exactness"])
    assert "2 answers" in again.stdout


@pytest.mark.models
@needs_model
def test_what_differs_is_counted(prompts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["bench", "exactness", "--model", MODEL, "--prompts", str(prompts), "--max-tokens", "12", "--json"]
    done = CliRunner().invoke(app, [*arguments, "--positions", "64", "--answers", "1"])
    assert done.exit_code == 0, done.output
    checks = json.loads(done.stdout)["exactness"]
    assert {check["differing"] for check in checks} == {0}
    assert {check["rows"] for check in checks if "answers" not in check["what"]} == {64}
    assert len([check for check in checks if "answers" in check["what"]]) == 10
    assert all(check["rows"] > 0 for check in checks)
    monkeypatch.setattr("decoding.bench.exactness.decode_plainly", lambda *_: [1] * 12)
    wrong = CliRunner().invoke(app, [*arguments, "--positions", "64", "--answers", "1"])
    assert wrong.exit_code == 1


@pytest.mark.models
@needs_model
def test_a_draft_model_is_measured(prompts: Path) -> None:
    arguments = ["bench", "decoding", "--model", MODEL, "--draft-model", MODEL, "--prompts", str(prompts)]
    done = CliRunner().invoke(app, [*arguments, "--max-tokens", "12", "--no-exactness", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["other_outputs"] == []
    engines = [speed["engine"] for speed in report["speed"]]
    assert engines == ["docqa", "docqa, no drafts", "docqa, draft model", "docqa, draft model from the start"]
    # Whether a model as large as the target is ever worth asking is a matter of measured times.
    assert {"draft model", "all, draft model", "all, draft model from the start"} <= set(report["drafts"])
    assert {drafts["tokens"] for drafts in report["drafts"].values()} == {report["speed"][0]["tokens"]}


@pytest.mark.models
@needs_model
def test_serving_is_measured(prompts: Path) -> None:
    arguments = ["bench", "serving", "--model", MODEL, "--prompts", str(prompts), "--max-tokens", "6", "--forced"]
    done = CliRunner().invoke(app, [*arguments, "--streams", "1,2", "--rate", "50", "--requests", "2", "--json"])
    assert done.exit_code == 0, done.output
    loads = json.loads(done.stdout)["loads"]
    assert list(loads) == ["1 at once", "2 at once", "50 a second"]
    assert {load["tokens"] for load in loads["2 at once"]} == {12}


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"text": "x"}', "line 1: not a JSON object with a"), ("nonsense", "line 1"), ("\n", "holds no prompt")],
)
@pytest.mark.models
@needs_model
def test_files_without_prompts_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(content)
    done = CliRunner().invoke(app, ["bench", "decoding", "--model", MODEL, "--prompts", str(file)])
    assert done.exit_code == 1
    assert message in done.stderr


def test_prompts_are_those_that_the_product_puts_to_the_model() -> None:
    def answers_by(generator: Generator):  # type: ignore[no-untyped-def]  # noqa: ANN202
        def ask(question: Question):  # type: ignore[no-untyped-def]  # noqa: ANN202
            if "football" not in question.text:
                yield from generator.generate([len(question.text)], GenerationParams(99))

        return ask

    questions = [GoldQuestion.model_validate(question) for question in QUESTIONS]
    found = list(prompts_of(questions, "default", answers_by, 512, 40))
    assert found == [BenchPrompt(question.id, (len(question.question),), 40) for question in questions[:2]]


def test_the_recorder_says_nothing() -> None:
    recorder = RecordingGenerator(512)
    assert list(recorder.generate([1, 2], GenerationParams(3))) == [GenerationDone((), "", FinishReason.STOP, NOTHING)]
