from __future__ import annotations

import logging
import sys

from api.logs import LineFormatter


def line(formatter: LineFormatter, **fields: object) -> str:
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
