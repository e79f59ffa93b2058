"""Tables of AsciiDoc."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ingest import markdown_writer as md

# A cell begins at a bar that is not escaped, after what says how it spans and looks: "2+^.>a|".
_CELL = re.compile(
    r"(?:(?:(?<=\s)|^)(?:(\d{0,3})(?:\.(\d{1,3}))?([+*]))?[<^>]?(?:\.[<^>])?[adehlmsv]?)?(?<!\\)\|", re.MULTILINE
)
_COLUMNS, _CELLS = 200, 100_000


class Excess(Exception):
    """More of something than a person writes; the message goes on from the file's name."""


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell's text and how many columns and rows it covers."""

    text: str
    across: int = 1
    down: int = 1


def rows_of(lines: Sequence[str], attributes: Mapping[str, str]) -> tuple[list[list[TableCell]], bool]:
    """The rows of a table's lines, and whether the first one names the columns. Raises `Excess`."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    cells = list(islice(_cells("\n".join(lines)), _CELLS + 1))
    if len(cells) > _CELLS:
        raise Excess(f"has a table of more than {_CELLS:,} cells: save it as CSV")
    options = attributes.get("options", "") + attributes.get("opts", "") + attributes.get("%", "")
    if not filled:
        return [], False
    first = lines[filled[0]]
    width = _declared(attributes.get("cols", "")) or sum(cell.across for cell in _cells(first))
    # As a blank line below the first row, and none within it, says too.
    implied = filled[0] == 0 and len(lines) > 1 and not lines[1].strip() and "|" in first
    header = "header" in options or (implied and "noheader" not in options)
    return _filled(cells, min(max(width, 1), _COLUMNS)), header


def _declared(columns: str) -> int:
    """How many columns the attribute ``cols`` names: "1,2,3", "3*" or a mixture."""
    parts = [part.strip() for part in re.split("[,;]", columns) if part.strip()]
    counts = (re.match(r"(\d+)\*", part) for part in parts)
    return min(sum(int(count[1][:3]) if count else 1 for count in counts), _COLUMNS)


def _cells(text: str) -> Iterator[TableCell]:
    bars = list(_CELL.finditer(text))
    for number, bar in enumerate(bars):
        end = bars[number + 1].start() if number + 1 < len(bars) else len(text)
        content = text[bar.end() : end].strip().replace("\\|", "|")
        times, down = min(int(bar[1] or 1), _COLUMNS), min(int(bar[2] or 1), _COLUMNS)
        if bar[3] == "*":
            yield from map(TableCell, md.repeated(content, times))
        else:
            yield TableCell(content, times, down)


def _filled(cells: Sequence[TableCell], width: int) -> list[list[TableCell]]:
    """Rows of ``width`` columns; a cell that covers several stands in each of them."""
    rows: list[list[TableCell]] = [[]]
    below: dict[int, tuple[TableCell, int]] = {}  # By column: what reaches down, and how many rows further.
    for cell in cells:
        while len(rows[-1]) >= width or len(rows[-1]) in below:
            if len(rows[-1]) >= width:
                rows.append([])
                continue
            above, left = below.pop(len(rows[-1]))
            if left > 1:
                below[len(rows[-1])] = (above, left - 1)
            rows[-1].append(above)
        row = rows[-1]
        for text in md.repeated(cell.text, min(cell.across, width - len(row))):
            if cell.down > 1:
                below[len(row)] = (TableCell(md.repeated(text, 2)[1]), cell.down - 1)
            row.append(TableCell(text))
    for at in range(len(rows[-1]), width):
        rows[-1].append(below[at][0] if at in below else TableCell(""))
    return rows
