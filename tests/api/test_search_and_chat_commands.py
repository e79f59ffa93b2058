"""`docqa search` and `docqa chat`: from the local data, and from a server, with the same words."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.components import LocalComponents
from api.state.keys import KeyRequest
from qa.answer import Turn
from tests.api.fake_answers import FakeAnswers
from tests.api.fake_docqa import fake_parts
from tests.api.running import MANUAL, QUESTION, FakeProduct, fake_product
from tests.api.serving import eventually, served

Docqa = Callable[..., Result]
FOLLOW_UP = "And which filters of the inlet?"


@pytest.fixture
def docqa(monkeypatch: pytest.MonkeyPatch) -> Docqa:
    """Runs a command over fake parts; ``typed`` is what comes from the keyboard."""

    def run(*arguments: str, typed: str = "") -> Result:
        for name, part in fake_parts().items():
            monkeypatch.setattr(f"api.components.LocalComponents.{name}", part)
        return CliRunner().invoke(app, list(arguments), input=typed, prog_name="docqa")

    return run


def local_questions() -> list[tuple[str, tuple[Turn, ...]]]:
    answers = LocalComponents.answers
    assert isinstance(answers, FakeAnswers)
    return [(question.text, question.history) for question in answers.questions]


def test_search_prints_places_and_passages(docqa: Docqa) -> None:
    result = docqa("search", "inlet filter hours", "--limit", "1")
    assert result.exit_code == 0, result.stderr
    place, source, text, *_ = result.stdout.splitlines()
    assert place == " [1] Corvo 200 Manual, revision 1 › Maintenance › Inlet filter"
    assert source.startswith("     corvo/manual.md, score ")
    assert text.strip() in MANUAL
    assert "2,000 hours" in text
    assert result.stderr == "More with --offset 1.\n"


def test_search_is_the_same_from_a_server(docqa: Docqa) -> None:
    product = fake_product(sign_in=("keys",))
    _, secret = product.service.memory.keys.create(KeyRequest("test"))
    with served(product.app) as url:
        eventually(product.loaded.is_set)
        there = json.loads(docqa("search", "filter", "--json", "--server", url, "--key", secret).stdout)
        refused = docqa("search", "filter", "--server", url)
    here = json.loads(docqa("search", "filter", "--json").stdout)
    assert all(result.pop("url").startswith(url) for result in there["results"])
    assert all(result.pop("url") is None for result in here["results"])
    assert here == there
    assert here["results"]
    assert (refused.exit_code, "Sign in" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([" "], "docqa: query: "),
        (["a", "--limit", "51"], "docqa: limit: "),
        (["a", "--collection", "none"], "docqa: There is no collection 'none'; there are: default."),
        (["a", "--as-of", "soon"], "docqa: --as-of: "),
        (["a", "--key", "docqa_x"], "docqa: --key is for a server that --server names"),
    ],
)
def test_what_can_not_be_searched_fails_in_one_line(docqa: Docqa, arguments: list[str], says: str) -> None:
    result = docqa("search", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(says)
    assert len(result.stderr.splitlines()) == 1


def test_a_chat_takes_earlier_questions_along_until_a_new_one(docqa: Docqa) -> None:
    result = docqa("chat", typed=f"{QUESTION}\n{FOLLOW_UP}\n/new\n{FOLLOW_UP}\n\nnever asked\n")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("Corvo 200 Manual, revision 1") == 3
    (first, none), (second, earlier), (third, nothing) = local_questions()
    assert (first, second, third) == (QUESTION, FOLLOW_UP, FOLLOW_UP)
    assert (none, nothing) == ((), ())
    assert [turn.question for turn in earlier] == [QUESTION]
    assert earlier[0].answer.startswith("The inlet filter must be replaced")


def test_a_chat_goes_on_after_what_can_not_be_answered(docqa: Docqa) -> None:
    result = docqa("chat", typed=f"{'a' * 2001}\n{QUESTION}\n")
    assert result.exit_code == 0
    assert result.stderr == "docqa: question: at most 2000 characters, got 2001\n"
    assert local_questions() == [(QUESTION, ())]


def test_a_chat_with_a_server(docqa: Docqa) -> None:
    product: FakeProduct = fake_product()
    with served(product.app) as url:
        eventually(product.loaded.is_set)
        result = docqa("chat", "--server", url, typed=f"{QUESTION}\nfail over the filter\n{FOLLOW_UP}\n")
    assert result.exit_code == 0
    assert "Something went wrong on the server" in result.stderr
    assert [len(question.history) for question in product.answers.questions] == [0, 1, 1]
