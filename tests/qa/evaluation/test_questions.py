"""The questions file: what is accepted, and errors that name line and field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qa.answer import Turn
from qa.evaluation.kinds import QuestionKind
from qa.evaluation.questions import QuestionsError, read_questions, select

GOLD = {"document": "a.md", "section": ["A", "B"], "quote": "It is 5 s."}
SINGLE = {"id": "s", "kind": "single", "question": "How long?", "gold": [GOLD], "facts": [["5 s", "five seconds"]]}
TWO = SINGLE | {"id": "t", "kind": "two", "gold": [GOLD, GOLD | {"quote": "And 6 s."}]}
FOLLOWUP = SINGLE | {"id": "f", "kind": "followup", "history": [{"question": "Q", "answer": "A"}], "tags": ["table"]}
NONE = {"id": "u", "kind": "unanswerable", "question": "Who?", "near_miss": True}


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_reads_every_kind_in_order(tmp_path: Path) -> None:
    questions = read_questions(write(tmp_path / "q.jsonl", SINGLE, TWO, "", FOLLOWUP, NONE))
    assert [question.id for question in questions] == ["s", "t", "f", "u"]
    assert [question.answerable for question in questions] == [True, True, True, False]
    assert questions[0].gold[0].section == ("A", "B")
    assert questions[2].turns == (Turn("Q", "A"),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": ', r"line 2, column \d+: not JSON"),
        ("[1]", "line 2: Input should be"),
        (SINGLE | {"id": "x", "kind": "triple"}, "line 2, field kind: "),
        (SINGLE | {"id": "x", "question": "  "}, "line 2, field question: "),
        (SINGLE | {"id": "x", "gold": [{"document": "a.md", "section": ["A"]}]}, r"line 2, field gold\.0\.quote: "),
        (SINGLE | {"id": "x", "facts": [[]]}, r"line 2, field facts\.0: "),
        (SINGLE | {"id": "x", "fact": []}, "line 2, field fact: Extra"),
        (SINGLE | {"id": "x", "gold": []}, "line 2: .* needs at least one gold quote"),
        (SINGLE | {"id": "x", "facts": []}, "line 2: .* needs at least one fact"),
        (SINGLE | {"id": "x", "near_miss": True}, "line 2: near_miss"),
        (NONE | {"id": "x", "gold": [GOLD]}, "line 2: an unanswerable question"),
        (TWO | {"id": "x", "gold": [GOLD]}, "line 2: .* two gold quotes"),
        (FOLLOWUP | {"id": "x", "history": []}, "line 2: a follow-up needs its history"),
        (SINGLE, "line 2, field id: 's' is taken by line 1"),
    ],
)
def test_errors_name_line_and_field(tmp_path: Path, line: object, message: str) -> None:
    with pytest.raises(QuestionsError, match=message):
        read_questions(write(tmp_path / "q.jsonl", SINGLE, line))


def test_a_missing_an_empty_and_a_foreign_file(tmp_path: Path) -> None:
    with pytest.raises(QuestionsError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")
    with pytest.raises(QuestionsError, match="holds no question"):
        read_questions(write(tmp_path / "empty.jsonl", ""))
    (tmp_path / "latin.jsonl").write_bytes(b'{"id": "\xe9"}')
    with pytest.raises(QuestionsError, match="not UTF-8 at byte 8"):
        read_questions(tmp_path / "latin.jsonl")


def test_select(tmp_path: Path) -> None:
    questions = read_questions(write(tmp_path / "q.jsonl", SINGLE, TWO, FOLLOWUP, NONE))
    assert select(questions) == questions
    assert [q.id for q in select(questions, limit=2)] == ["s", "t"]
    assert [q.id for q in select(questions, ids=["u", "s"])] == ["s", "u"]
    kinds = [QuestionKind.FOLLOWUP, QuestionKind.TWO]
    assert [q.id for q in select(questions, kinds=kinds, limit=1)] == ["t"]
    with pytest.raises(QuestionsError, match="no question is left"):
        select(questions, ids=["u"], kinds=kinds)


def test_select_names_the_nearest_id(tmp_path: Path) -> None:
    questions = read_questions(write(tmp_path / "q.jsonl", SINGLE | {"id": "products-001"}))
    with pytest.raises(QuestionsError, match="'products-01'; did you mean 'products-001'"):
        select(questions, ids=["products-01"])
