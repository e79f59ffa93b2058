"""The file of test questions: one JSON object a line, with where its answer stands and what it must say."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from qa.answer import Turn
from qa.evaluation.kinds import QuestionKind

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HistoryTurn(_Line):
    """An earlier exchange that a follow-up refers to."""

    question: Text
    answer: Text


class QuotedPlace(_Line):
    """Words of a document: ``document`` is its source path, ``section`` the headings above them."""

    document: Text
    section: tuple[Text, ...]
    quote: Text


class GoldQuote(QuotedPlace):
    """Words that hold (a part of) the answer. Those in ``also`` state the same elsewhere, so one of all is enough."""

    also: tuple[QuotedPlace, ...] = ()


class GoldQuestion(_Line):
    """One question with its gold.

    ``facts``: what a right answer must contain, each as a list of spellings of which one is enough.
    ``near_miss``: unanswerable, although the documents speak of something much like it.
    """

    id: Text
    kind: QuestionKind
    question: Text
    history: tuple[HistoryTurn, ...] = ()
    gold: tuple[GoldQuote, ...] = ()
    facts: tuple[Annotated[tuple[Text, ...], Field(min_length=1)], ...] = ()
    near_miss: bool = False
    tags: tuple[Text, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the documents hold the answer."""
        return self.kind is not QuestionKind.UNANSWERABLE

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The history as the product takes it, oldest first."""
        return tuple(Turn(turn.question, turn.answer) for turn in self.history)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.answerable and not self.gold:
            raise ValueError(f"a question of kind {self.kind} needs at least one gold quote")
        if self.answerable and not self.facts:
            raise ValueError(f"a question of kind {self.kind} needs at least one fact")
        if self.answerable and self.near_miss:
            raise ValueError("near_miss is for unanswerable questions only")
        if not self.answerable and (self.gold or self.facts):
            raise ValueError("an unanswerable question has neither gold nor facts")
        if self.kind is QuestionKind.TWO and len(self.gold) < 2:
            raise ValueError("a question of kind two needs two gold quotes")
        if self.kind is QuestionKind.FOLLOWUP and not self.history:
            raise ValueError("a follow-up needs its history")
        return self


class QuestionsError(ValueError):
    """A questions file that cannot be used; the message names file, line and field."""


def read_questions(path: Path) -> tuple[GoldQuestion, ...]:
    """All questions of a JSONL file, in order; blank lines are skipped.

    Raises `QuestionsError` for a file that is missing, empty or not UTF-8, and at the first line that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise QuestionsError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise QuestionsError(f"{path}: not UTF-8 at byte {error.start}") from error
    questions: list[GoldQuestion] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        question = _read_line(line, f"{path}, line {number}")
        if question.id in seen:
            raise QuestionsError(
                f"{path}, line {number}, field id: {question.id!r} is taken by line {seen[question.id]}"
            )
        seen[question.id] = number
        questions.append(question)
    if not questions:
        raise QuestionsError(f"{path}: holds no question")
    return tuple(questions)


def _read_line(line: str, where: str) -> GoldQuestion:
    try:
        return GoldQuestion.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise QuestionsError(f"{where}, column {error.colno}: not JSON ({error.msg})") from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        place = f"{where}, field {field}" if field else where
        raise QuestionsError(f"{place}: {problem['msg'].removeprefix('Value error, ')}") from error


def select(
    questions: Sequence[GoldQuestion],
    *,
    ids: Iterable[str] = (),
    kinds: Iterable[QuestionKind] = (),
    limit: int | None = None,
) -> tuple[GoldQuestion, ...]:
    """The questions with one of ``ids`` and of one of ``kinds`` (all, where none is given), the first ``limit``.

    Raises `QuestionsError` for an id that is not there, or when nothing is left.
    """
    wanted_ids, wanted_kinds = list(ids), frozenset(kinds)
    known = {question.id for question in questions}
    for wanted in wanted_ids:
        if wanted not in known:
            near = difflib.get_close_matches(wanted, sorted(known), n=1)
            raise QuestionsError(
                f"no question has the id {wanted!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
    chosen = tuple(
        question
        for question in questions
        if (not wanted_ids or question.id in wanted_ids) and (not wanted_kinds or question.kind in wanted_kinds)
    )[:limit]
    if not chosen:
        raise QuestionsError("no question is left to ask after the selection")
    return chosen
