"""Pages of long lists, by cursor.

A page ends with where the next one begins, so that nothing is skipped or shown twice when rows come and go meanwhile.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Test = Callable[[T], bool]
Fetch = Callable[[int, str | None], "Page[T]"]
MAX_CURSOR = 512


class BadCursor(ValueError):
    """A cursor that no page gave."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items and the cursor of those after them; None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None
    place: Callable[[T], Position]


@dataclass(frozen=True, slots=True)
class Position:
    """Place in a list that is sorted by time and then by id, newest first."""

    time: float
    id: str

    def cursor(self) -> str:
        """The opaque text for callers."""
        return base64.urlsafe_b64encode(json.dumps([self.time, self.id]).encode()).decode().rstrip("=")


def position(cursor: str) -> Position:
    """The place that ``cursor`` names. Raises `BadCursor`."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        time, id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if isinstance(time, float) and isinstance(id, str) and len(cursor) <= MAX_CURSOR:
            return Position(time, id)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise BadCursor("this cursor was not given by a page of this list")


def page_of(found: Sequence[T], limit: int, place: Callable[[T], Position]) -> Page[T]:
    """The first ``limit`` of ``found``, which holds one more where there are more."""
    items = tuple(found[:limit])
    return Page(items, place(items[-1]).cursor() if len(found) > limit else None, place)


def page_of_those(fetch: Fetch[T], limit: int, cursor: str | None, seen: Test[T]) -> Page[T]:
    """A full page of the items that pass ``seen``, from pages of all by cursor; others leave no gap that tells of them.

    Raises `BadCursor`.
    """
    found: list[T] = []
    while True:
        page = fetch(limit + 1, cursor)
        found += filter(seen, page.items)
        cursor = page.next_cursor
        if len(found) > limit or cursor is None:
            return page_of(found, limit, page.place)
