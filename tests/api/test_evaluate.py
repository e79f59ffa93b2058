"""`docqa eval` over a small product without models: what it prints, its errors and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Event

import pytest
from typer.testing import CliRunner, Result

from api.cli.evaluate import app
from api.settings import Settings
from ingest.contextual import contextual_text
from ingest.document import Document, PageMap, Passage, Section, Span
from qa.answer import AnswerDone, AnswerEvent, Question
from qa.retriever import HybridRetriever
from qa.service import AnswerConfig, AnswerService
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.decoding import ByteTokenizer, ScriptedGenerator
from tests.fakes.embedder import HashEmbedder
from tests.fakes.vectors import MemoryVectors

TEXT = """# Corvo manual

The Corvo is a heat meter.

## Tamper alarm

The tamper alarm of the Corvo is raised after 15 minutes with an open lid.

## Display test

Hold the button of the Corvo for 5 s to test the display.
"""
ALARM = "The tamper alarm of the Corvo is raised after 15 minutes with an open lid."
BUTTON = "Hold the button of the Corvo for 5 s to test the display."
QUESTIONS: list[dict[str, object]] = [
    {
        "id": "alarm",
        "kind": "single",
        "question": "After how long with an open lid is the tamper alarm of the Corvo raised?",
        "gold": [{"document": "corvo.md", "section": ["Corvo manual", "Tamper alarm"], "quote": ALARM}],
        "facts": [["15 min"]],
        "tags": ["alarm"],
    },
    {
        "id": "button",
        "kind": "followup",
        "question": "And for how long do I hold the button to test the display?",
        "history": [{"question": "What is the Corvo?", "answer": "A heat meter."}],
        "gold": [{"document": "corvo.md", "section": ["Corvo manual", "Display test"], "quote": BUTTON}],
        "facts": [["5 s"]],
    },
    {"id": "none", "kind": "unanswerable", "question": "Who won yesterday's football match?"},
]


def corvo() -> Document:
    first, second = TEXT.index("## Tamper"), TEXT.index("## Display")
    return Document(
        source="corvo.md",
        title="Corvo manual",
        text=TEXT,
        content_hash="0" * 64,
        media_type="text/markdown",
        pages=PageMap(),
        sections=(
            Section(("Corvo manual",), 1, Span(0, len(TEXT))),
            Section(("Corvo manual", "Tamper alarm"), 2, Span(first, second)),
            Section(("Corvo manual", "Display test"), 2, Span(second, len(TEXT))),
        ),
    )


class SmallProduct:
    """Components over one document; the model repeats the passage that stands first in its prompt."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalog = MemoryCatalog()
        self._embedder, self._vectors = HashEmbedder(), MemoryVectors()
        document = corvo()
        passages = [
            Passage(ordinal, section.span, section.span.of(TEXT), section.path, None)
            for ordinal, section in enumerate(document.sections[1:])
        ]
        prepared = self.catalog.prepare("default", document, passages)
        vectors = self._embedder.embed([contextual_text(document.title, passage) for passage in passages])
        self._vectors.upsert("default", [(prepared.revision.id, prepared.passage_ids, vectors)])
        self.catalog.publish(prepared)
        self.retriever = HybridRetriever(self._embedder, self._vectors, self.catalog)

    def __enter__(self) -> SmallProduct:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @cached_property
    def answers(self) -> AnswerService:
        def script(prompt: list[int]) -> str:
            shown = ByteTokenizer().decode(prompt)
            return min((ALARM, BUTTON), key=lambda sentence: shown.find(sentence) % 1_000_000)

        config = AnswerConfig(prompt_tokens=20_000)
        return AnswerService(
            self.retriever, ScriptedGenerator(script), ByteTokenizer(), config, "scripted", self.catalog.document
        )


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `docqa eval` with these arguments over the questions above."""
    monkeypatch.setattr("api.components.LocalComponents", SmallProduct)
    monkeypatch.setenv("DOCQA_DATA_DIR", str(tmp_path))
    (tmp_path / "catalog.sqlite").touch()
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(question) for question in QUESTIONS))

    def invoke(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(app, [command, str(questions), *arguments])

    return invoke


def test_retrieval_as_json(run: Run) -> None:
    result = run("retrieval", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)["retrieval"]
    assert report["overall"]["questions"] == 2
    assert report["overall"]["section"]["recall"] == {"1": 1.0, "5": 1.0, "10": 1.0}
    assert set(report["by_kind"]) == {"single", "followup"}
    assert [question["id"] for question in report["questions"]] == ["alarm", "button"]


def test_retrieval_as_a_table(run: Run) -> None:
    result = run("retrieval", "--misses")
    assert result.exit_code == 0, result.output
    for expected in ("recall@5", "nDCG@10", "followup", "#alarm", "section", "passage", "Not all found"):
        assert expected in result.stdout


def test_answers_as_json(run: Run) -> None:
    result = run("answers", "--json")
    assert result.exit_code == 0, result.output
    body = json.loads(result.stdout)
    assert body["answers"]["complete"] == {"value": 1.0, "count": 2, "total": 2}
    assert body["answers"]["refusal_recall"] == {"value": 1.0, "count": 1, "total": 1}
    assert body["answers"]["citations_hold"]["value"] == 1.0
    assert body["answers"]["citation_recall"]["value"] == 1.0
    assert body["run"]["settings"]["passages"] == Settings().passages
    assert [question["id"] for question in body["questions"]] == ["alarm", "button", "none"]


def test_results_become_a_page(run: Run, tmp_path: Path) -> None:
    results = []
    for name in ("retrieval", "answers"):
        results.append(tmp_path / f"{name}.json")
        results[-1].write_text(run(name, "--json").stdout, encoding="utf-8")
    page = tmp_path / "page.html"

    def write_page(*read: Path) -> Result:
        return CliRunner().invoke(app, ["page", *map(str, read), "--out", str(page)])

    assert write_page(*results).exit_code == 0
    written = page.read_text(encoding="utf-8")
    assert written.count("<svg") > 5
    assert "Answers to 3 questions" in written
    results[0].write_text("{", encoding="utf-8")
    for wrong, says in ((results[0], "not JSON"), (tmp_path / "none.json", "none.json")):
        refused = write_page(wrong)
        assert (refused.exit_code, says in refused.stderr) == (1, True)
    assert page.read_text(encoding="utf-8") == written


def test_answers_as_tables_for_a_selection(run: Run) -> None:
    result = run("answers", "--kind", "followup", "--kind", "unanswerable", "--limit", "1")
    assert result.exit_code == 0, result.output
    assert "Answers to 1 questions" in result.stdout
    assert "time to first token" in result.stdout


def test_an_interrupted_run_reports_and_goes_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(tmp_path / "results" / "run.jsonl")
    answer = AnswerService.answer

    def interrupted(self: AnswerService, question: Question, cancel: Event | None = None) -> Iterator[AnswerEvent]:
        if "button" in question.text:
            raise KeyboardInterrupt
        return answer(self, question, cancel)

    with monkeypatch.context() as patch:
        patch.setattr(AnswerService, "answer", interrupted)
        first = run("answers", "--out", out)
    assert first.exit_code == 130
    assert "Answers to 1 questions" in first.stdout
    assert f"interrupted after 1 of 3 answers; the same command goes on from {out}" in first.stderr

    asked = []

    def noted(self: AnswerService, question: Question, cancel: Event | None = None) -> Iterator[AnswerEvent]:
        asked.append(question.text)
        return answer(self, question, cancel)

    monkeypatch.setattr(AnswerService, "answer", noted)
    second = run("answers", "--out", out, "--json")
    assert second.exit_code == 0, second.output
    assert asked == [question["question"] for question in QUESTIONS[1:]]
    assert json.loads(second.stdout)["answers"]["complete"]["count"] == 2


def test_results_of_other_settings_are_not_mixed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = str(tmp_path / "run.jsonl")
    assert run("answers", "--out", out).exit_code == 0
    monkeypatch.setenv("DOCQA_PASSAGES", "2")
    result = run("answers", "--out", out)
    assert result.exit_code == 1
    assert "a run with another settings; give another file, or delete this one" in result.stderr


def test_a_citation_that_does_not_hold_fails_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = AnswerService.answer

    def forged(self: AnswerService, question: Question, cancel: Event | None = None) -> Iterator[AnswerEvent]:
        for event in answer(self, question, cancel):
            if isinstance(event, AnswerDone) and event.answer.sentences:
                first = event.answer.sentences[0]
                citation = replace(first.citations[0], quote="after 16 minutes")
                first = replace(first, citations=(citation,))
                event = AnswerDone(replace(event.answer, sentences=(first,)))
            yield event

    monkeypatch.setattr(AnswerService, "answer", forged)
    result = run("answers", "--id", "alarm")
    assert result.exit_code == 1
    assert "not the quote 'after 16 minutes'" in result.stderr
    assert "0/1" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["answers", "--id", "alarms"], "no question has the id 'alarms'; did you mean 'alarm'?"),
        (["retrieval", "--kind", "unanswerable"], "none of the questions has an answer to be found"),
        (["retrieval", "--collection", "other"], "docqa ingest docs_corpus/documents"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(run: Run, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_without_an_index(run: Run, tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").unlink()
    result = run("retrieval")
    assert result.exit_code == 1
    assert "there is no index in" in result.stderr
