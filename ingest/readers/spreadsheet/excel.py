"""Excel workbooks (.xlsx)."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.document import Document
from ingest.inline import Run, escape, render
from ingest.markdown_writer import Written
from ingest.readers.spreadsheet.regions import Cell, Row, blocks_of
from ingest.readers.spreadsheet.values import shown
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile
from ingest.zip_package import PackageKind

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell as ExcelCell
    from openpyxl.cell.cell import MergedCell
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_KIND = PackageKind("an Excel workbook", ".xlsx", "xl/workbook.xml", "Excel", "an old Excel file (.xls)")
_COLUMNS, _MERGED = 200, 10_000
"""Columns of one sheet that are read, and cells that one merged cell may fill: more is not what a person reads."""
_MERGED_IN_ALL = 1_000_000
"""The parser makes an object of each, and an entry of forty characters can merge a whole sheet."""
_UNCOMPUTED = re.compile(
    rb'<c\b(?![^>]*\bt="str")[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
_MERGE = re.compile(rb'mergeCell\b[^>]*?ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')


@dataclass(frozen=True, slots=True)
class ExcelReader:
    """Sheets as sections, their tables with column names; values as last computed, nothing that is hidden.

    Where nobody has computed a formula, as in files that programs write, the formula stands for its value.
    """

    limits: Limits = DEFAULT_LIMITS
    version: str = "xlsx 2"
    suffixes: frozenset[str] = frozenset({".xlsx", ".xlsm"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        _KIND.check(file, self.limits)
        if _merged_cells(file.data) > _MERGED_IN_ALL:
            raise file.unreadable(f"merges more than {_MERGED_IN_ALL:,} cells: undo that in Excel and save it again")
        try:
            book = _open(file.data)
            title = book.properties.title or ""
            if _has_uncomputed(file.data):
                _show_formulas(book, _open(file.data, formulas=True))
            text = md.join(block for sheet in book.worksheets for block in _sheet(sheet))
        except Exception as error:  # The parser fails in as many ways as files are damaged.
            raise _KIND.damaged(file, error) from error
        return canonical_document(file, text, media_type=MEDIA_TYPE, limits=self.limits, title=normalise(title))


def _open(data: bytes, *, formulas: bool = False) -> Workbook:
    from openpyxl import load_workbook

    with warnings.catch_warnings(action="ignore"):  # Of what it can't keep when it saves; nothing is saved.
        return load_workbook(io.BytesIO(data), data_only=not formulas, keep_links=False)


def _has_uncomputed(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = (name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml"))
        return any(_UNCOMPUTED.search(archive.read(name)) for name in sheets)


def _show_formulas(book: Workbook, formulas: Workbook) -> None:
    """Put formulas where ``book`` has no value for them."""
    for sheet, written in zip(book.worksheets, formulas.worksheets, strict=True):
        for place, cell in written._cells.items():
            if cell.data_type == "f" and (shows := sheet._cells.get(place)) is not None and shows.value is None:
                formula = cell.value if isinstance(cell.value, str) else getattr(cell.value, "text", "") or ""
                shows.value, shows.data_type = formula, "s"


def _merged_cells(data: bytes) -> int:
    """How many cells all merged ones of a workbook cover."""
    from openpyxl.utils import column_index_from_string

    total = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            for found in _MERGE.finditer(archive.read(name)) if name.endswith(".xml") else ():
                left, right = (column_index_from_string(found[group].decode()) for group in (1, 3))
                total += max(right - left + 1, 0) * max(int(found[4]) - int(found[2]) + 1, 0)
    return total


def _sheet(sheet: Worksheet) -> Iterator[Written]:
    if sheet.sheet_state != "visible":
        return
    blocks = list(blocks_of(_rows(sheet)))
    if blocks:
        yield md.heading(2, escape(normalise(sheet.title)))
        yield from blocks


def _rows(sheet: Worksheet) -> Iterator[Row]:
    """Rows that people see. Only cells that the file holds are touched: one far away costs nothing."""
    rows: dict[int, dict[int, Cell]] = {}
    for (row, column), cell in sheet._cells.items():
        if column <= _COLUMNS and (read := _cell(cell)).text:
            rows.setdefault(row, {})[column] = read
    _fill_merged(sheet, rows)
    hidden = _hidden_columns(sheet)
    before = 0
    for number in sorted(rows):
        if _is_hidden(sheet, number):
            continue
        if number > before + 1:
            yield []
        before = number
        cells = rows[number]
        yield [cells.get(at, Cell()) for at in range(1, max(cells) + 1) if at not in hidden]


def _cell(cell: ExcelCell | MergedCell) -> Cell:
    text = " ".join(normalise(shown(cell.value, cell.number_format)).split())
    if not text:
        return Cell()
    link = cell.hyperlink.target if cell.hyperlink else None
    written = render([Run(text, link=normalise(link))], line_break=" ") if link else escape(text)
    number = not isinstance(cell.value, str)
    return Cell(written, number=number, bold=bool(cell.font and cell.font.b))


def _fill_merged(sheet: Worksheet, rows: dict[int, dict[int, Cell]]) -> None:
    """A merged cell stands in each place that it covers."""
    for area in sheet.merged_cells.ranges:
        top = rows.get(area.min_row, {}).get(area.min_col)
        last = min(area.max_col, _COLUMNS)
        if top is None or (area.max_row - area.min_row + 1) * (last - area.min_col + 1) > _MERGED:
            continue
        again = md.repeated(top.text, 2)[1]
        for row in range(area.min_row, area.max_row + 1):
            for column in range(area.min_col, last + 1):
                if (row, column) != (area.min_row, area.min_col):
                    # Across it is the same entry again, down it is one of another row.
                    repeats = row == area.min_row or column > area.min_col
                    rows.setdefault(row, {})[column] = Cell(again, top.number, top.bold, repeats)


def _hidden_columns(sheet: Worksheet) -> set[int]:
    spans = ((one.min, one.max) for one in sheet.column_dimensions.values() if one.hidden)
    return {at for low, high in spans if low and high for at in range(low, min(high, _COLUMNS) + 1)}


def _is_hidden(sheet: Worksheet, row: int) -> bool:
    """Whether somebody hid a row; a filter hides what it does not show today, which is no secret."""
    return row in sheet.row_dimensions and bool(sheet.row_dimensions[row].hidden) and not sheet.auto_filter.ref
