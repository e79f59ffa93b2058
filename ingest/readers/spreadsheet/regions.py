"""What people put on a sheet: tables one under the other, with captions and notes around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ingest import markdown_writer as md
from ingest.markdown_writer import Written

_PROSE = 100
"""Characters of a cell that is a text of its own rather than an entry in a list."""


@dataclass(frozen=True, slots=True)
class Cell:
    """``text`` is inline Markdown on one line; ``repeats`` says that it is that of a merged cell begun elsewhere."""

    text: str = ""
    number: bool = False
    bold: bool = False
    repeats: bool = False


Row = Sequence[Cell]


@dataclass(slots=True)
class _Table:
    """A table under way: columns ``first`` to ``last`` and its rows, of which the first names the columns."""

    first: int
    last: int
    rows: list[Row] = field(default_factory=list)

    def written(self) -> Written:
        return md.table([[cell.text for cell in row[self.first : self.last + 1]] for row in self.rows])

    def goes_on_with(self, region: Sequence[Row]) -> bool:
        """Whether rows below a gap are more of this table, of which somebody wanted a few set apart."""
        first, last = _columns(region)
        top = _entries(region[0])
        if first < self.first or last > self.last or len(top) < 2:
            return False
        if any(cell.number for cell in top.values()):
            return True  # Names of columns are words.
        bold = all(cell.bold for cell in top.values()) and not any(cell.bold for cell in self.rows[-1])
        return not bold and not any(row[at].number for row in self.rows for at in top)


def blocks_of(rows: Iterable[Row]) -> Iterator[Written]:
    """The blocks of a sheet: regions between empty rows, each a table below what stands alone on its first rows."""
    table: _Table | None = None
    for region in _regions(rows):
        if table is not None and table.goes_on_with(region):
            table.rows.extend([*row, *[Cell()] * (len(table.rows[0]) - len(row))] for row in region)
            continue
        if table is not None:
            yield table.written()
            table = None
        first, last = _columns(region)
        body = list(region)
        while body and _is_caption(body[0], wide=last > first, more=len(region) > 1):
            yield md.paragraph(next(iter(_entries(body.pop(0)).values())).text)
        if body:
            table = _Table(*_columns(body), body)
            if table.first == table.last and any(len(row[table.first].text) > _PROSE for row in body):
                yield from (md.paragraph(row[table.first].text) for row in body)
                table = None
    if table is not None:
        yield table.written()


def _regions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Runs of rows with something on them, all of the same length."""
    region: list[Row] = []
    for row in rows:
        if any(cell.text for cell in row):
            region.append(row)
        elif region:
            yield _even(region)
            region = []
    if region:
        yield _even(region)


def _even(region: Sequence[Row]) -> list[Row]:
    width = max(map(len, region))
    return [[*row, *[Cell()] * (width - len(row))] for row in region]


def _entries(row: Row) -> dict[int, Cell]:
    return {at: cell for at, cell in enumerate(row) if cell.text}


def _columns(region: Sequence[Row]) -> tuple[int, int]:
    used = [at for row in region for at in _entries(row)]
    return min(used), max(used)


def _is_caption(row: Row, *, wide: bool, more: bool) -> bool:
    alone = sum(not cell.repeats for cell in _entries(row).values()) == 1
    return alone and (wide or not more)
