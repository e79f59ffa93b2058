"""The kinds of test questions."""

from __future__ import annotations

from enum import StrEnum


class QuestionKind(StrEnum):
    """What a question asks of the product."""

    SINGLE = "single"
    TWO = "two"
    FOLLOWUP = "followup"
    UNANSWERABLE = "unanswerable"
