"""Sheets: comma-separated files and Excel workbooks."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from ingest.document import Document
from ingest.reader import Reader, UnreadableFile
from ingest.readers.spreadsheet.delimited import DelimitedReader
from ingest.readers.spreadsheet.excel import ExcelReader
from ingest.readers.spreadsheet.regions import Cell, blocks_of
from ingest.readers.spreadsheet.values import shown
from tests.contracts.reader import ReaderContract
from tests.ingest.test_readers_docx import with_part

CSV = b'Part,Price,Note\nValve,12.50,"fits 1/2"" and\n3/4"""\nTap,,a|b\n'


def csv_text(tmp_path: Path, data: bytes, name: str = "prices.csv") -> str:
    path = tmp_path / name
    path.write_bytes(data)
    return DelimitedReader().read(path, name).text


def saved(fill: Callable[[Workbook, Worksheet], object]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "Prices"
    fill(book, sheet)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def simple() -> bytes:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        for row in (["Part", "Price"], ["Valve", 12.5], ["Tap", 3]):
            sheet.append(row)

    return saved(fill)


def read(tmp_path: Path, data: bytes) -> Document:
    path = tmp_path / "file.xlsx"
    path.write_bytes(data)
    return ExcelReader().read(path, "folder/file.xlsx")


def text(tmp_path: Path, *rows: list[object]) -> str:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        for row in rows:
            sheet.append(row)

    return read(tmp_path, saved(fill)).text.removeprefix("## Prices\n\n")


class TestDelimitedReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return DelimitedReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.csv"
        path.write_bytes(CSV)
        return path


class TestExcelReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return ExcelReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.xlsx"
        path.write_bytes(simple())
        return path


def test_the_first_row_of_a_csv_file_names_the_columns(tmp_path: Path) -> None:
    assert csv_text(tmp_path, CSV) == (
        '| Part | Price | Note |\n|---|---|---|\n| Valve | 12.50 | fits 1/2" and 3/4" |\n| Tap | | a\\|b |\n'
    )


@pytest.mark.parametrize(
    "data",
    [
        b"a;b\n1,5;2\n3,5;4\n",
        b"a\tb\n1,5\t2\n3,5\t4\n",
        b"a|b\n1,5|2\n3,5|4\n",
        b"sep=;\r\na;b\r\n1,5;2\r\n3,5;4\r\n",
        "a;b\n1,5;2\n3,5;4\n".encode("utf-16"),
        b"a;b\n\n1,5;2\n;\n3,5;4\n",
    ],
)
def test_what_separates_the_columns_is_seen_from_the_rows(tmp_path: Path, data: bytes) -> None:
    assert csv_text(tmp_path, data) == "| a | b |\n|---|---|\n| 1,5 | 2 |\n| 3,5 | 4 |\n"


def test_a_csv_file_in_an_old_encoding(tmp_path: Path) -> None:
    rows = "Größe;Stück\nDN15 für Zähler;10\nÜbergangsstück geprüft;20\n" * 4
    assert "Übergangsstück geprüft" in csv_text(tmp_path, rows.encode("cp1252"))


CELLS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=2, max_size=6))
def test_every_cell_stands_in_its_row_and_column(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    data = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    markdown = csv_text(tmp_path_factory.mktemp("csv"), data.encode())
    (table,) = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(markdown)).children
    found = [
        ["".join(piece.content for piece in cell.children[0].children) for cell in row.children]
        for part in table.children
        for row in part.children
    ]
    assert found == rows


def test_sheets_are_sections_and_the_file_gives_the_title(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        sheet.append(["Part", "Price"])
        sheet.append(["Valve", 12.5])
        book.create_sheet("Empty")
        other = book.create_sheet("Terms _old_")
        other["A1"] = "Valid until June."
        book.create_sheet("Secret").append(["hidden"])
        book["Secret"].sheet_state = "hidden"

    document = read(tmp_path, saved(fill))
    assert document.text == (
        "## Prices\n\n| Part | Price |\n|---|---|\n| Valve | 12.5 |\n\n## Terms \\_old\\_\n\nValid until June.\n"
    )
    assert document.title == "file"
    assert [section.path for section in document.sections] == [("Prices",), ("Terms _old_",)]


def test_the_title_of_the_workbook(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        sheet.append(["a", "b"])
        book.properties.title = "Price list"

    assert read(tmp_path, saved(fill)).title == "Price list"


def test_captions_and_several_tables_on_a_sheet(tmp_path: Path) -> None:
    assert text(
        tmp_path,
        ["Prices in euro"],
        ["Part", "Price"],
        ["Valve", 12.5],
        [],
        ["Tap", 3],
        [],
        ["Country", "Rate"],
        ["DE", "19 %"],
        [],
        ["All without tax."],
    ) == (
        "Prices in euro\n\n"
        "| Part | Price |\n|---|---|\n| Valve | 12.5 |\n| Tap | 3 |\n\n"
        "| Country | Rate |\n|---|---|\n| DE | 19 % |\n\n"
        "All without tax.\n"
    )


def test_a_gap_in_a_table_of_words_does_not_end_it_but_a_bold_row_does(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        for row in (["Key", "Use"], ["F1", "help"], [], ["F2", "save"], [], ["Lamp", "Means"], ["red", "stop"]):
            sheet.append(row)
        for cell in (*sheet[1], *sheet[6]):
            cell.font = Font(bold=True)

    assert read(tmp_path, saved(fill)).text == (
        "## Prices\n\n| Key | Use |\n|---|---|\n| F1 | help |\n| F2 | save |\n\n"
        "| Lamp | Means |\n|---|---|\n| red | stop |\n"
    )


def test_a_table_that_begins_elsewhere(tmp_path: Path) -> None:
    assert text(tmp_path, [], [None, None, "a", "b"], [None, None, 1, 2]) == "| a | b |\n|---|---|\n| 1 | 2 |\n"


def test_merged_cells_stand_in_each_place(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        for row in (["All sizes"], ["Size", "Flow", None], ["DN15", 1, 2], [None, 3, 4]):
            sheet.append(row)
        for area in ("A1:C1", "B2:C2", "A3:A4"):
            sheet.merge_cells(area)

    assert read(tmp_path, saved(fill)).text == (
        "## Prices\n\nAll sizes\n\n| Size | Flow | Flow |\n|---|---|---|\n| DN15 | 1 | 2 |\n| DN15 | 3 | 4 |\n"
    )


def test_a_merge_over_the_whole_sheet_is_not_followed(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        sheet["A1"] = "wide"

    wide = b'<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells><pageMargins'
    data = with_part(saved(fill), "xl/worksheets/sheet1.xml", lambda part: part.replace(b"<pageMargins", wide))
    with pytest.raises(UnreadableFile, match="merges more than 1,000,000 cells"):
        read(tmp_path, data)


def test_hidden_rows_and_columns_are_left_out_and_filtered_ones_are_not(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        for row in (["a", "b", "c"], [1, 2, 3], [4, 5, 6]):
            sheet.append(row)
        sheet.row_dimensions[2].hidden = True
        sheet.column_dimensions["B"].hidden = True

    def filtered(book: Workbook, sheet: Worksheet) -> None:
        fill(book, sheet)
        sheet.auto_filter.ref = "A1:C3"

    assert read(tmp_path, saved(fill)).text == "## Prices\n\n| a | c |\n|---|---|\n| 4 | 6 |\n"
    assert read(tmp_path, saved(filtered)).text == "## Prices\n\n| a | c |\n|---|---|\n| 1 | 3 |\n| 4 | 6 |\n"


def test_links_and_signs(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        sheet.append(["Name", "Where"])
        sheet.append(["*x*\ny|z", "here"])
        sheet["B2"].hyperlink = "https://example.com/a"

    assert read(tmp_path, saved(fill)).text.endswith("| \\*x\\* y\\|z | [here](https://example.com/a) |\n")


def test_a_cell_far_away_costs_nothing(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        for row in (["a", "b"], [1, 2]):
            sheet.append(row)
        sheet["XFD1048576"] = "far"
        sheet["A1048576"] = "low"

    assert read(tmp_path, saved(fill)).text == "## Prices\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nlow\n"


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (None, "General", ""),
        (True, "General", "TRUE"),
        (0.1 + 0.2, "General", "0.3"),
        (3.0, "General", "3"),
        (12.5, '#,##0.00 "€"', "12.50"),
        (12.345, "0.00", "12.345"),
        (0.125, "0%", "12.5%"),
        (-7, "0.0;[Red]-0.0", "-7.0"),
        (1e20, "0.00", "1e+20"),
        (datetime(2026, 3, 1), "yyyy-mm-dd", "2026-03-01"),
        (datetime(2026, 3, 1, 8, 30), "General", "2026-03-01 08:30"),
        (date(2026, 3, 1), "General", "2026-03-01"),
        (time(8, 30), "General", "08:30:00"),
        ("text", "@", "text"),
    ],
)
def test_values_as_a_sheet_shows_them(value: object, number_format: str, expected: str) -> None:
    assert shown(value, number_format) == expected


def test_a_column_of_prose_is_prose_and_a_short_one_a_table() -> None:
    prose = [[Cell("How to use this sheet " * 6)], [Cell("Second.")]]
    assert [block.text.count("|") for block in blocks_of(prose)] == [0, 0]
    assert [block.text for block in blocks_of([[Cell("Name")], [Cell("Ann")]])] == ["| Name |\n|---|\n| Ann |"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, r"old Excel file \(\.xls\)"),
        (b"PK\x05\x06" + b"\x00" * 18, "empty zip archive"),
        (simple()[:-200], "damaged or incomplete"),
        (with_part(simple(), "xl/workbook.xml", lambda part: b"<!DOCTYPE x>" + part), "declares XML entities"),
        (with_part(simple(), "xl/worksheets/sheet1.xml", lambda part: part[:200]), "open it in Excel, repair it"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        read(tmp_path, data)


def test_formulas_that_nobody_has_computed_are_shown(tmp_path: Path) -> None:
    def fill(book: Workbook, sheet: Worksheet) -> None:
        for row in (["Part", "Price"], ["Valve", 12], ["Pump", 30], ["Sum", "=SUM(B2:B3)"]):
            sheet.append(row)

    assert "| Sum | =SUM(B2:B3) |" in read(tmp_path, saved(fill)).text
    # A text formula that shows nothing has no value either, and is computed.
    computed = with_part(
        saved(fill), "xl/worksheets/sheet1.xml", lambda part: part.replace(b'<c r="B4"', b'<c r="B4" t="str"')
    )
    assert "SUM" not in read(tmp_path, computed).text
