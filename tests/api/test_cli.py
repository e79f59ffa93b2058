from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.data_lock import DataLock
from api.state.keys import KeyRequest
from tests.api.fake_docqa import fake_parts
from tests.api.running import MANUAL, QUESTION, fake_product
from tests.api.serving import eventually, served

Docqa = Callable[..., Result]


@pytest.fixture
def docqa(monkeypatch: pytest.MonkeyPatch) -> Docqa:
    """Runs a command over fake answers in the working directory, which is empty; keywords set the environment."""

    def run(*arguments: str, **variables: str) -> Result:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            for name, part in fake_parts().items():
                patch.setattr(f"api.components.LocalComponents.{name}", part)
            return CliRunner().invoke(app, list(arguments), prog_name="docqa")

    return run


def test_ask_prints_answer_sources_and_statuses(docqa: Docqa) -> None:
    result = docqa("ask", QUESTION)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("The inlet filter must be replaced every 2,000 hours of operation. [1] ")
    assert " [1] Corvo 200 Manual, revision 1 › Maintenance › Inlet filter\n" in result.stdout
    assert "quoted      “Use only filters with part number CF-200.”" in result.stdout
    assert "\x1b" not in result.stdout


def test_ask_as_json_prints_the_body_alone(docqa: Docqa) -> None:
    result = docqa("ask", QUESTION, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    body = json.loads(result.stdout)
    citation = body["sentences"][0]["citations"][0]
    assert MANUAL[slice(*citation["span"])] == citation["quote"]
    assert set(body) >= {"answer", "abstained", "sentences", "sources", "nearest", "stats", "collection"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a" * 2001], "question: at most 2000 characters, got 2001"),
        ([" "], "question:"),
        (["a", "--collection", "secret"], "There is no collection 'secret'; there are: default."),
        (["a", "--server", "http://127.0.0.1:9"], "http://127.0.0.1:9: "),
    ],
)
def test_what_can_be_expected_fails_in_one_line(docqa: Docqa, arguments: list[str], says: str) -> None:
    result = docqa("ask", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"docqa: {says}")
    assert len(result.stderr.splitlines()) == 1


def test_bad_setting_fails_in_one_line(docqa: Docqa) -> None:
    result = docqa("ask", QUESTION, DOCQA_MODLE="x")
    assert (result.exit_code, result.stderr) == (1, "docqa: unknown setting DOCQA_MODLE; did you mean DOCQA_MODEL?\n")


@pytest.mark.parametrize("arguments", [["ask"], ["frobnicate"], ["ask", "a", "--frob"], ["serve", "--port", "x"]])
def test_wrong_usage_is_exit_code_2(docqa: Docqa, arguments: list[str]) -> None:
    result = docqa(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


@contextmanager
def data_owned_elsewhere() -> Iterator[None]:
    lock = DataLock(Path("data/.lock"))
    lock.acquire()
    yield
    lock.release()


def test_ask_turns_to_the_server_that_owns_the_data(docqa: Docqa) -> None:
    product = fake_product()
    with served(product.app) as url, data_owned_elsewhere():
        eventually(product.loaded.is_set)
        result = docqa("ask", QUESTION, "--json", DOCQA_PORT=url.rsplit(":", 1)[1])
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["model"] == "fake-model"
    assert [question.text for question in product.answers.questions] == [QUESTION]


def test_ask_names_the_owner_where_no_server_answers(docqa: Docqa) -> None:
    with data_owned_elsewhere():
        result = docqa("ask", QUESTION, DOCQA_PORT="9")
    assert result.exit_code == 1
    assert "in use by another docqa process" in result.stderr
    assert "--server" in result.stderr


def test_ask_a_named_server(docqa: Docqa) -> None:
    product = fake_product()
    with served(product.app) as url:
        eventually(product.loaded.is_set)
        result = docqa("ask", QUESTION, "--server", url)
    assert result.exit_code == 0
    assert "Inlet filter" in result.stdout
    assert not Path("data").exists()


def test_a_named_server_is_asked_with_a_key(docqa: Docqa) -> None:
    product = fake_product(sign_in=("keys",))
    _, secret = product.service.memory.keys.create(KeyRequest("test"))
    with served(product.app) as url:
        eventually(product.loaded.is_set)
        without = docqa("ask", QUESTION, "--server", url)
        given = docqa("ask", QUESTION, "--server", url, "--key", secret)
        configured = docqa("ask", QUESTION, "--server", url, DOCQA_API_KEY=secret)
    assert (without.exit_code, "Sign in, or send an API key" in without.stderr) == (1, True)
    assert [result.exit_code for result in (given, configured)] == [0, 0]
    lonely = docqa("ask", QUESTION, "--key", secret)
    assert (lonely.exit_code, "--key is for a server that --server names" in lonely.stderr) == (1, True)


def test_documents_and_collections_are_listed(docqa: Docqa) -> None:
    Path("data").mkdir()
    Path("data/catalog.sqlite").touch()
    listed = docqa("documents")
    assert listed.stdout == (
        "default/corvo/manual.md  revision 1, 6 passages\ndefault/staff/handbook.md  revision 1, 3 passages\n"
    )
    assert [d["source"] for d in json.loads(docqa("documents", "--json").stdout)["documents"]] == [
        "corvo/manual.md",
        "staff/handbook.md",
    ]
    assert docqa("collections").stdout == "default\n"
    assert json.loads(docqa("collections", "--json").stdout) == {"collections": ["default"]}


def test_without_an_index_the_listing_says_what_to_do(docqa: Docqa) -> None:
    result = docqa("documents")
    assert result.exit_code == 1
    assert "docqa ingest FOLDER" in result.stderr
    assert not Path("data").exists()


def test_version(docqa: Docqa) -> None:
    result = docqa("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("docqa ")


def test_help_loads_no_slow_library() -> None:
    program = (
        "import sys\nfrom api.cli.main import app\n"
        "try:\n    app()\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    root = Path(__file__).resolve().parents[2]
    began = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", program, "--help"],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - began
    for name in ("ask", "serve", "ingest", "models", "eval", "documents", "collections"):
        assert f"  {name} " in result.stdout
    slow = {
        "torch",
        "transformers",
        "chromadb",
        "fastapi",
        "sentence_transformers",
        "sqlalchemy",
        "pdfplumber",
        "numpy",
    }
    assert not slow & set(result.stderr.split())
    assert seconds < 5  # ten times what it takes alone: these tests run on busy machines
