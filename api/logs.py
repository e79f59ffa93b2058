"""One line a log record: ``key=value`` pairs that a person can read and a machine can split, or a JSON object.

Questions, answers and document texts are never logged. Messages of exceptions may hold pieces of them, so they are
written on level DEBUG only; type and place of an exception always are.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Literal

OWN = ("api", "qa", "ingest", "decoding", "uvicorn")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
_PLAIN = re.compile(r"[^\s\"=\\]+")


class FieldsFormatter(logging.Formatter):
    """Writes the fields of a record; ``with_messages`` says whether messages of exceptions are among them."""

    def __init__(self, with_messages: bool) -> None:
        super().__init__()
        self._with_messages = with_messages

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        """What is written of the record."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, object] = {"time": moment, "level": record.levelname, "logger": record.name}
        fields["message"] = record.getMessage()
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= self._error_fields(record.exc_info[1])
        return fields

    def _error_fields(self, error: BaseException) -> dict[str, object]:
        frames = traceback.extract_tb(error.__traceback__)
        fields: dict[str, object] = {"error": type(error).__name__}
        if self._with_messages:
            fields["error_message"] = str(error)
        fields["frames"] = " < ".join(f"{frame.filename}:{frame.lineno}:{frame.name}" for frame in reversed(frames))
        return fields


class LineFormatter(FieldsFormatter):
    """``key=value`` pairs."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        return " ".join(f"{key}={_value(value)}" for key, value in self.fields(record).items())


class JsonFormatter(FieldsFormatter):
    """A JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        return json.dumps(self.fields(record), ensure_ascii=False, default=str)


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Write the product's records from ``level`` on, and other libraries' warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter if form == "json" else LineFormatter
    handler.setFormatter(formatter(with_messages=level == "DEBUG"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OWN:
        logging.getLogger(name).setLevel(level)


def _value(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
