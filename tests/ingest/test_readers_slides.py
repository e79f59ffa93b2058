"""PowerPoint presentations."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pptx
import pytest
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from ingest.document import Document
from ingest.reader import Reader, UnreadableFile
from ingest.readers.slides.reader import SlidesReader
from tests.contracts.reader import ReaderContract
from tests.ingest.test_readers_docx import with_part

Made: TypeAlias = Any  # Presentations, slides and shapes; the library's types know less than its objects.
PLACE = (Inches(1), Inches(1), Inches(4), Inches(2))


def saved(fill: Callable[[Made], object]) -> bytes:
    presentation = pptx.Presentation()
    fill(presentation)
    buffer = io.BytesIO()
    presentation.save(buffer)
    return buffer.getvalue()


def slide(presentation: Made, layout: int, title: str = "") -> Made:
    made = presentation.slides.add_slide(presentation.slide_layouts[layout])
    if title:
        made.shapes.title.text = title
    return made


def simple() -> bytes:
    def fill(presentation: Made) -> None:
        first = slide(presentation, 0, "Pump training")
        first.placeholders[1].text = "For technicians"
        second = slide(presentation, 1, "Limits")
        second.placeholders[1].text = "6 bar"
        second.notes_slide.notes_text_frame.text = "Say why."

    return saved(fill)


def read(tmp_path: Path, data: bytes) -> Document:
    path = tmp_path / "file.pptx"
    path.write_bytes(data)
    return SlidesReader().read(path, "file.pptx")


def text(tmp_path: Path, fill: Callable[[Made], object]) -> str:
    """The text of one slide, titled A, that ``fill`` fills."""
    return read(tmp_path, saved(lambda presentation: fill(slide(presentation, 5, "A")))).text


class TestSlidesReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return SlidesReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.pptx"
        path.write_bytes(simple())
        return path


def test_slides_are_pages_and_sections(tmp_path: Path) -> None:
    document = read(tmp_path, simple())
    assert document.text == ("# Pump training\n\nFor technicians\n\n## Limits\n\n- 6 bar\n\n**Notes**\n\nSay why.\n")
    assert document.title == "Pump training"
    assert document.pages.page_at(document.text.index("Limits")) == 2
    assert document.section_path_at(document.text.index("6 bar")) == ("Pump training", "Limits")


def test_slides_without_a_title_are_named_and_hidden_ones_keep_their_number(tmp_path: Path) -> None:
    def fill(presentation: Made) -> None:
        slide(presentation, 5, "First")
        slide(presentation, 5, "Secret")._element.set("show", "0")
        slide(presentation, 6).shapes.add_textbox(*PLACE).text_frame.text = "Loose."
        slide(presentation, 6)

    document = read(tmp_path, saved(fill))
    assert document.text == "## First\n\n## Slide 3\n\nLoose.\n"
    assert document.pages.page_at(document.text.index("Loose")) == 3
    assert document.title == "First"


def test_lists_have_their_depths_and_forms(tmp_path: Path) -> None:
    def fill(presentation: Made) -> None:
        frame = slide(presentation, 1, "A").placeholders[1].text_frame
        frame.text = "One"
        deeper = frame.add_paragraph()
        deeper.level = 1
        deeper.add_run().text = "Two "
        bold = deeper.add_run()
        bold.text, bold.font.bold = "now", True
        link = deeper.add_run()
        link.text, link.hyperlink.address = "there", "https://example.com"
        deeper.add_line_break()
        frame.add_paragraph().text = ""
        frame.add_paragraph().text = "# Three"

    assert read(tmp_path, saved(fill)).text == (
        "## A\n\n- One\n  - Two **now**[there](https://example.com)\n- \\# Three\n"
    )


def test_tables_with_merged_cells(tmp_path: Path) -> None:
    def fill(made: Made) -> None:
        table = made.shapes.add_table(4, 3, *PLACE).table
        rows = ("Size", "Flow", ""), ("DN15", "1", "2"), ("", "3", "4|5"), ("", "6", "7")
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                table.cell(row, column).text = cell
        table.cell(0, 1).merge(table.cell(0, 2))
        table.cell(1, 0).merge(table.cell(3, 0))

    assert text(tmp_path, fill) == (
        "## A\n\n| Size | Flow | Flow |\n|---|---|---|\n| DN15 | 1 | 2 |\n| DN15 | 3 | 4\\|5 |\n| DN15 | 6 | 7 |\n"
    )


def test_a_cell_merged_over_rows_and_columns(tmp_path: Path) -> None:
    def fill(made: Made) -> None:
        table = made.shapes.add_table(3, 3, *PLACE).table
        table.cell(0, 0).text, table.cell(1, 1).text = "a", "x"
        table.cell(1, 1).merge(table.cell(2, 2))

    assert text(tmp_path, fill) == "## A\n\n| a | | |\n|---|---|---|\n| | x | x |\n| | x | x |\n"


def test_the_figures_of_a_chart(tmp_path: Path) -> None:
    def fill(made: Made) -> None:
        data: Made = CategoryChartData()  # type: ignore[no-untyped-call]
        data.categories = ["2024", "2025"]
        data.add_series("Pumps", (1.5, 2))
        data.add_series("Taps", (3, None))
        made.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *PLACE, data)

    assert text(tmp_path, fill) == "## A\n\n| | Pumps | Taps |\n|---|---|---|\n| 2024 | 1.5 | 3 |\n| 2025 | 2 | |\n"


def test_groups_and_the_alternative_text_of_pictures(tmp_path: Path) -> None:
    def fill(made: Made) -> None:
        inner = made.shapes.add_group_shape().shapes.add_group_shape()
        inner.shapes.add_textbox(*PLACE).text_frame.text = "grouped"
        picture = io.BytesIO()
        Image.new("RGB", (2, 2)).save(picture, "PNG")
        added = made.shapes.add_picture(picture, *PLACE[:2])
        added._element.nvPicPr.cNvPr.set("descr", "A pump\nfrom above")
        hidden = made.shapes.add_textbox(*PLACE)
        hidden.text_frame.text = "hidden"
        hidden._element.nvSpPr.cNvPr.set("hidden", "1")

    assert text(tmp_path, fill) == "## A\n\ngrouped\n\n![A pump from above]()\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (saved(lambda presentation: slide(presentation, 6)), "holds no text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, r"old PowerPoint file \(\.ppt\)"),
        (simple()[:-200], "damaged or incomplete"),
        (with_part(simple(), "ppt/slides/slide1.xml", lambda part: part[:200]), "open it in PowerPoint, repair it"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        read(tmp_path, data)
