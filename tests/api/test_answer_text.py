from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from api.cli.answer_text import answer_lines, terminal_text
from api.schemas import AnswerBody, AnswerRequest, event_body
from qa.answer import Mode, Origin
from tests.api.fake_answers import INVENTION, FakeAnswers
from tests.api.library import library
from tests.api.running import MANUAL, QUESTION


def body_for(question: str) -> AnswerBody:
    asked = AnswerRequest(question=question).to_question("default")
    *_, last = FakeAnswers(library({"corvo/manual.md": MANUAL})).answer(asked)
    body = event_body(last, id="x", model="m", question=asked)
    assert isinstance(body, AnswerBody)
    return body


def plain(body: AnswerBody) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(answer_lines(body)))


def with_citation(body: AnswerBody, **changes: Any) -> AnswerBody:  # noqa: ANN401 - fields of any type
    sentence = body.sentences[0]
    citation = sentence.citations[0].model_copy(update=changes)
    return body.model_copy(update={"sentences": [sentence.model_copy(update={"citations": [citation]})]})


def test_sources_are_chapter_and_verse_with_the_status_of_each_sentence() -> None:
    assert (
        plain(body_for(QUESTION))
        == f"""
Sources
 [1] Corvo 200 Manual, revision 1 › Maintenance › Inlet filter
     corvo/manual.md
     quoted      “The inlet filter must be replaced every 2,000 hours of operation.”
     quoted      “Use only filters with part number CF-200.”
     supported   “The inlet filter must be replaced every 2,000 hours of operation.”

Not found in the documents
     unsupported {INVENTION}

2.5 s, first word after 0.5 s, 20.0 tokens/s, 2.5 tokens a step"""
    )


def test_abstention_names_the_nearest_sections() -> None:
    text = plain(body_for("Is the weather good for the inlet filter?"))
    assert "Nearest sections\n [1] Corvo 200 Manual, revision 1 › Maintenance › Inlet filter\n" in text
    assert "Sources" not in text


def test_pages_are_named() -> None:
    assert "Inlet filter, page 12\n" in plain(with_citation(body_for(QUESTION), page=12))


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [("\x1b[2J", "[2J"), ("\x9b31m", "31m"), ("\x07", ""), ("\r", ""), ("\u202e", ""), ("\x00", ""), ("\x7f", "")],
)
def test_control_characters_never_reach_the_terminal(hostile: str, shown: str) -> None:
    assert terminal_text(f"a{hostile}b\n\tc") == f"a{shown}b\n\tc"
    body = with_citation(body_for(QUESTION), title=f"T{hostile}", quote=f"Q{hostile}", source=f"S{hostile}")
    assert hostile not in plain(body)


def test_long_quotes_are_shortened_for_people() -> None:
    text = plain(with_citation(body_for(QUESTION), quote="word " * 100))
    assert "word …”" in text
    assert max(map(len, text.splitlines())) < 200


def test_quotations_are_told_from_what_the_model_said() -> None:
    body = body_for(QUESTION)
    note = "Quoted from the documents, not worded by the model."
    assert note not in plain(body)
    assert plain(body.model_copy(update={"origin": Origin.QUOTES})).startswith(f"\n{note}\n\nSources\n")


def test_a_request_says_how_it_is_to_be_answered() -> None:
    assert AnswerRequest(question=QUESTION).to_question("default").mode is Mode.ANSWER
    assert AnswerRequest.model_validate({"question": QUESTION, "mode": "quote"}).to_question("x").mode is Mode.QUOTE
    with pytest.raises(ValidationError, match="mode"):
        AnswerRequest.model_validate({"question": QUESTION, "mode": "poem"})
