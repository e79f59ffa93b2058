"""What a question must keep to before any work is done for it, asked over HTTP or on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from api.settings import Settings
from qa.answer import Question


class LimitBroken(Exception):
    """A question over a limit of the settings."""

    def __init__(self, field: str, limit: int, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.limit = limit
        self.message = message


class UnknownCollection(Exception):
    """A collection that holds no documents; the message names those that do."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        if known:
            message = f"There is no collection {name!r}; there are: {', '.join(known)}."
        else:
            message = "No documents have been ingested yet; an administrator does it with: docqa ingest FOLDER"
        super().__init__(message)
        self.known = tuple(known)


def check_limits(question: Question, settings: Settings) -> None:
    """Raises `LimitBroken` for a question that is too long or wants too long an answer."""
    longest, most = settings.max_question_length, settings.max_output_tokens
    if len(question.text) > longest:
        raise LimitBroken("question", longest, f"at most {longest} characters, got {len(question.text)}")
    if question.max_output_tokens is not None and question.max_output_tokens > most:
        raise LimitBroken("max_tokens", most, f"at most {most}, got {question.max_output_tokens}")


def check_collection(question: Question, known: Sequence[str]) -> None:
    """Raises `UnknownCollection` unless the question's collection is among those ``known``."""
    if question.collection not in known:
        raise UnknownCollection(question.collection, known)
