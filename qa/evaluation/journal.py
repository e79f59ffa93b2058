"""Answers of an evaluation, kept as they come: JSON lines, so that a run can be stopped and continued.

The first line says with what the answers were made; every further line is one answer. Scores are computed from the
answers afterwards: gold and facts may be corrected without asking again.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from ingest.catalog import Catalog
from qa.answer import Answer
from qa.evaluation.questions import GoldQuestion


class RunFingerprint(BaseModel):
    """All that an answer depends on besides its question; answers of different fingerprints are never mixed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    collection: str
    index: str
    settings: dict[str, JsonValue]


class AnswerRecord(BaseModel):
    """One answer; ``asked`` is the digest of question and history, so that a reworded question is asked again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    asked: str
    answer: Answer


class JournalError(ValueError):
    """A results file that can't be continued; the message says why and what to do. The file is left as it is."""


def index_digest(catalog: Catalog, collection: str) -> str:
    """Digest of the revisions that the collection holds now."""
    return _digest([(revision.source, revision.id) for revision in catalog.current(collection)])


def question_digest(question: GoldQuestion) -> str:
    """Digest of what is asked: the question with its history."""
    return _digest([question.question, [[turn.question, turn.answer] for turn in question.history]])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


class Journal:
    """Appends answers to a file and knows those that are there already. Use as a context manager."""

    def __init__(self, path: Path, fingerprint: RunFingerprint) -> None:
        """Open or begin the file at ``path``. Raises `JournalError`."""
        self._path = path
        self._records: dict[tuple[str, str], AnswerRecord] = {}
        whole = self._read(fingerprint) if path.exists() else 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        self._file.truncate(whole)
        if whole == 0:
            self._write(json.dumps({"fingerprint": fingerprint.model_dump()}))

    def _read(self, fingerprint: RunFingerprint) -> int:
        """Take in what is there; the length in bytes of the whole lines (a line cut off by a crash is not one)."""
        lines = self._path.read_bytes().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        for number, line in enumerate(lines, start=1):
            try:
                if number == 1:
                    self._compare(RunFingerprint.model_validate(json.loads(line)["fingerprint"]), fingerprint)
                else:
                    self._keep(AnswerRecord.model_validate_json(line))
            except (ValidationError, KeyError, TypeError, json.JSONDecodeError) as error:
                raise JournalError(
                    f"{self._path}, line {number}: not a line of evaluation results; give another file"
                ) from error
        return sum(len(line) for line in lines)

    def _compare(self, there: RunFingerprint, now: RunFingerprint) -> None:
        before, after = there.model_dump(), now.model_dump()
        differing = sorted(name for name in after if before[name] != after[name])
        if differing:
            raise JournalError(
                f"{self._path}: holds results of a run with another {' and '.join(differing)}; "
                "give another file, or delete this one"
            )

    def get(self, question: GoldQuestion) -> AnswerRecord | None:
        """The answer to this very question, if it is there."""
        return self._records.get((question.id, question_digest(question)))

    def append(self, question: GoldQuestion, answer: Answer) -> AnswerRecord:
        """Keep an answer; on disk when this returns."""
        record = AnswerRecord(question=question.id, asked=question_digest(question), answer=answer)
        self._write(record.model_dump_json())
        self._keep(record)
        return record

    def _keep(self, record: AnswerRecord) -> None:
        self._records[record.question, record.asked] = record

    def _write(self, line: str) -> None:
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
