"""Who works at the terminal, and the times that he names."""

from __future__ import annotations

import getpass
import re
import time
from datetime import UTC, datetime

from api.cli.failure import CommandFailed

_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


def actor() -> str:
    """The name under which his acts are audited."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):  # a user without a name
        return "cli"


def expiry(text: str | None) -> float | None:
    """UTC seconds since the epoch, so far from now as ``text`` says ("90d"). Raises `CommandFailed`."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})([hdw])", text)
    if match is None:
        raise CommandFailed(f"--expires takes a number with h, d or w, such as 90d, not {text!r}")
    return time.time() + int(match[1]) * _UNITS[match[2]]


def day(seconds: float) -> str:
    """The date (UTC) of a time in seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
