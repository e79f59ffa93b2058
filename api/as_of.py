"""Moments as people write them: a date, a time, or a document's revision."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from ingest.catalog import Catalog
from ingest.document import DocumentId

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_REVISION = re.compile(r"([0-9a-f]{16})[@-](\d{1,9})")


def moment_of(text: str) -> float:
    """UTC seconds since the epoch of a date, which counts to its end, or of a time (RFC 3339; without a zone UTC).

    Raises ValueError for anything else.
    """
    try:
        if _DATE.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time.max, UTC).timestamp()
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date (2026-01-31) and no time (2026-01-31T12:00:00Z)") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def moment_in(text: str, catalog: Catalog) -> float:
    """As `moment_of`; a revision, written DOCUMENT@NUMBER or as its id, stands for the moment it was published."""
    named = _REVISION.fullmatch(text)
    if named is None:
        return moment_of(text)
    revision = catalog.revision(DocumentId(named[1]), int(named[2]))
    if revision is None:
        raise ValueError(f"there is no revision {text}")
    return revision.valid_from
