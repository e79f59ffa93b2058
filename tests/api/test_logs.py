from __future__ import annotations

import json
import logging
import sys

from api.logs import FieldsFormatter, JsonFormatter, LineFormatter


def line(formatter: FieldsFormatter, **fields: object) -> str:
    record = logging.makeLogRecord(
        {
            "name": "api.x",
            "levelname": "INFO",
            "levelno": 20,
            "msg": "answer %s",
            "args": ("a",),
            "created": 0.5,
            **fields,
        }
    )
    return formatter.format(record)


def failure(message: str) -> object:
    try:
        raise ValueError(message)
    except ValueError:
        return sys.exc_info()


def test_record_is_one_line_of_pairs() -> None:
    text = line(LineFormatter(with_messages=False), outcome="answered", detail='two\nlines = "x"', empty="")
    assert text == (
        'time=1970-01-01T00:00:00.500+00:00 level=INFO logger=api.x message="answer a" '
        'outcome=answered detail="two\\nlines = \\"x\\"" empty=""'
    )


def test_message_of_an_exception_is_for_debugging_only() -> None:
    error = failure("a sentence\nof a document")
    quiet = line(LineFormatter(with_messages=False), exc_info=error)
    loud = line(LineFormatter(with_messages=True), exc_info=error)
    assert "error=ValueError" in quiet
    assert "test_logs.py" in quiet
    assert "sentence" not in quiet
    assert "a sentence\\nof a document" in loud
    assert "\n" not in quiet + loud


def test_record_as_json_holds_the_same_fields() -> None:
    text = line(JsonFormatter(with_messages=False), waited_s=0.25, detail="two\nlines", exc_info=failure("a sentence"))
    assert "\n" not in text
    fields = json.loads(text)
    frames = fields.pop("frames")
    assert "test_logs.py" in frames
    assert fields == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "INFO",
        "logger": "api.x",
        "message": "answer a",
        "waited_s": 0.25,
        "detail": "two\nlines",
        "error": "ValueError",
    }
