"""What the stores share: objects as rows of a table, and lists that come in pages, the newest first."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, tuple_

from api.paging import position

Query = TypeVar("Query", bound=Select[Any])


def row_of(table: Table, item: object) -> dict[str, Any]:
    """The attributes of ``item`` that are columns of ``table``."""
    return {name: getattr(item, name) for name in table.c.keys()}  # noqa: SIM118 - not a dict


def newest_first(
    query: Query, time: ColumnElement[float], id: ColumnElement[str], limit: int, cursor: str | None
) -> Query:
    """``limit`` rows from where ``cursor`` says, and one more that tells whether there are more (`api.paging.page_of`).

    Raises `api.paging.BadCursor`.
    """
    if cursor is not None:
        start = position(cursor)
        query = query.where(tuple_(time, id) < (start.time, start.id))
    return query.order_by(time.desc(), id.desc()).limit(limit + 1)
