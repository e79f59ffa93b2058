"""The two query parameters of every list that comes in pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Query

from api.paging import MAX_CURSOR, BadCursor, Page
from api.problems import invalid_request

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=200, description="Entries of a page, at most.")]
Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` of the page before.")]
DEFAULT_LIMIT = 50


def page(fetch: Callable[[], Page[T]]) -> Page[T]:
    """What ``fetch`` gives. Raises a 422 `Problem` for a cursor that no page gave."""
    try:
        return fetch()
    except BadCursor as error:
        raise invalid_request("cursor", str(error)) from error
