"""PDF documents, drawn here as other programs would draw them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.lib.colors import black
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Preformatted,
    SimpleDocTemplate,
    Table,
)

from ingest.document import Document
from ingest.reader import Reader, UnreadableFile
from ingest.readers.pdf.reader import PdfReader
from ingest.source_file import Limits
from tests.contracts.reader import ReaderContract

TITLE = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=22, leading=26, spaceAfter=12)
CHAPTER = ParagraphStyle("chapter", fontName="Helvetica-Bold", fontSize=15, leading=18, spaceBefore=12, spaceAfter=6)
BOLD = ParagraphStyle("bold", fontName="Times-Bold", fontSize=10, leading=12, spaceBefore=8, spaceAfter=4)
BODY = ParagraphStyle("body", fontName="Times-Roman", fontSize=10, leading=12, spaceAfter=6)
INDENTED = ParagraphStyle("indented", parent=BODY, firstLineIndent=14, spaceAfter=0)
CODE = ParagraphStyle("code", fontName="Courier", fontSize=9, leading=11, spaceBefore=4, spaceAfter=8)
PROSE = "The pump runs at low pressure and stops when the valve has been closed by hand for more than a minute. "


def read(tmp_path: Path, data: bytes, limits: Limits | None = None) -> Document:
    path = tmp_path / "file.pdf"
    path.write_bytes(data)
    return PdfReader(limits or Limits()).read(path, "file.pdf")


def drawn(draw: Callable[[Canvas], object], **options: object) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1, **options)
    draw(canvas)
    canvas.save()
    return buffer.getvalue()


def laid_out(*story: Flowable, head: str = "") -> bytes:
    """Flowables on A4 pages, with a running head (``%d`` is the page's number) and a page number at the foot."""
    buffer = io.BytesIO()

    def furniture(canvas: Canvas, document: BaseDocTemplate) -> None:
        if head:
            canvas.setFont("Times-Italic", 9)
            canvas.drawString(72, A4[1] - 40, head % document.page if "%" in head else head)
            canvas.drawCentredString(A4[0] / 2, 40, f"- {document.page} -")

    SimpleDocTemplate(buffer, pagesize=A4, invariant=1).build(
        list(story), onFirstPage=furniture, onLaterPages=furniture
    )
    return buffer.getvalue()


def simple() -> bytes:
    return laid_out(Paragraph("Pumps", TITLE), Paragraph("Limits", CHAPTER), Paragraph(PROSE, BODY))


class TestPdfReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return PdfReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.pdf"
        path.write_bytes(simple())
        return path


def test_headings_by_type_without_an_outline(tmp_path: Path) -> None:
    data = laid_out(
        Paragraph("Pumps of the series with a title that needs two lines", TITLE),
        Paragraph(PROSE * 3, BODY),
        Paragraph("Limits", CHAPTER),
        Paragraph(PROSE * 2, BODY),
        Paragraph("Bold at the size of the text", BOLD),
        Paragraph(PROSE, BODY),
        Paragraph("<b>All of a sentence in bold is no heading.</b>", BODY),
    )
    document = read(tmp_path, data)
    assert [(section.level, section.path[-1]) for section in document.sections] == [
        (1, "Pumps of the series with a title that needs two lines"),
        (2, "Limits"),
        (3, "Bold at the size of the text"),
    ]
    assert document.title == "Pumps of the series with a title that needs two lines"
    assert document.text.endswith("**All of a sentence in bold is no heading.**\n")


def test_headings_by_outline_under_a_title_that_it_leaves_out(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold", 24)
        canvas.drawString(72, 760, "The Manual")
        for number, name in enumerate(("Start", "Details", "End")):
            level = int(name == "Details")
            canvas.setFont("Helvetica-Bold", 14)
            canvas.drawString(72, 700 - 100 * number, f"{number + 1}. {name}")
            canvas.bookmarkPage(name)
            canvas.addOutlineEntry(name, name, level)
            canvas.setFont("Helvetica", 10)
            canvas.drawString(72, 670 - 100 * number, "Some text in the usual size of this document.")

    document = read(tmp_path, drawn(draw))
    assert [section.path for section in document.sections] == [
        ("The Manual",),
        ("The Manual", "1. Start"),
        ("The Manual", "1. Start", "2. Details"),
        ("The Manual", "3. End"),
    ]


def test_running_heads_and_page_numbers_are_dropped_and_pages_known(tmp_path: Path) -> None:
    words = ("one", "two", "three", "four")
    story = [item for word in words for item in (Paragraph(f"Text of page {word}. {PROSE}".strip(), BODY), PageBreak())]
    document = read(tmp_path, laid_out(*story, head="Chapter name | page %d"))
    assert document.text == "\n\n".join(f"Text of page {word}. {PROSE}".strip() for word in words) + "\n"
    for number, word in enumerate(words, 1):
        assert document.pages.page_at(document.text.index(f"page {word}")) == number


def test_the_first_line_of_a_page_is_no_running_head(tmp_path: Path) -> None:
    story = [
        item for n in range(4) for item in (Paragraph(f"{n + 1} Chapter", CHAPTER), Paragraph(PROSE, BODY), PageBreak())
    ]
    document = read(tmp_path, laid_out(*story, head="Manual"))
    assert [section.path[-1] for section in document.sections] == [f"{n + 1} Chapter" for n in range(4)]


def test_paragraphs_are_joined_over_lines_and_pages(tmp_path: Path) -> None:
    paragraphs = [f"Paragraph {number}. {PROSE * 6}".strip() for number in range(25)]
    document = read(tmp_path, laid_out(*(Paragraph(text, BODY) for text in paragraphs), head="Running head"))
    assert document.text == "\n\n".join(paragraphs) + "\n"
    assert len(document.pages.starts) == 4
    assert any("\n" not in document.text[start - 1 : start + 1] for start in document.pages.starts[1:])


def test_paragraphs_told_apart_by_their_first_line(tmp_path: Path) -> None:
    paragraphs = [f"Paragraph {number}. {PROSE * 4}".strip() for number in range(3)]
    document = read(tmp_path, laid_out(*(Paragraph(text, INDENTED) for text in paragraphs)))
    assert document.text == "\n\n".join(paragraphs) + "\n"


def test_two_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    template = BaseDocTemplate(buffer, pagesize=A4, invariant=1)
    frames = [Frame(60, 60, 220, 600), Frame(310, 60, 220, 600)]

    def title(canvas: Canvas, document: BaseDocTemplate) -> None:
        if document.page == 1:
            canvas.setFont("Helvetica-Bold", 20)
            canvas.drawCentredString(A4[0] / 2, 740, "A title over both of the columns")

    template.addPageTemplates([PageTemplate(frames=frames, onPage=title)])
    paragraphs = [f"Paragraph {number}. {PROSE * 4}".strip() for number in range(12)]
    template.build([Paragraph(text, BODY) for text in paragraphs])
    document = read(tmp_path, buffer.getvalue())
    assert document.text == "# A title over both of the columns\n\n" + "\n\n".join(paragraphs) + "\n"


def test_columns_of_figures_are_no_columns_of_text(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        for number in range(12):
            canvas.drawString(72, 700 - 14 * number, f"item {number}")
            canvas.drawString(330, 700 - 14 * number, f"{number}.50 EUR")

    text = read(tmp_path, drawn(draw)).text
    assert re.search(r"item 3 3\.50 EUR", text)


def test_hyphenation_is_undone_where_the_words_say_so(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 10)
        lines = [
            "The documentation of the self-locking valve is kept with the pump for its whole life, so that the docu-",
            "mentation is there. A seal of the valve that is self-",
            "locking needs no tool. Neither does the tem-",
            "perature sensor, and a two-",
            "stage pump of two stages has one more stage.",
        ]
        for number, line in enumerate(lines):
            canvas.drawString(72, 700 - 12 * number, line)

    text = " ".join(read(tmp_path, drawn(draw)).text.split())
    assert "so that the documentation is there" in text
    assert "that is self-locking needs" in text
    assert "the temperature sensor, and a two-stage pump" in text


def test_lists(tmp_path: Path) -> None:
    def item(mark: str, text: str, indent: int = 0) -> Paragraph:
        style = ParagraphStyle("item", parent=BODY, leftIndent=18 + indent, bulletIndent=indent, spaceAfter=2)
        return Paragraph(text, style, bulletText=mark)

    data = laid_out(
        Paragraph("Do this:", BODY),
        item("9.", PROSE * 2),
        item("10.", "Then stop."),
        item("\u2022", "first", 18),
        item("\u2022", "last", 18),
        item("11.", "Start. In the year"),
        item("a)", "letter"),
        Paragraph(PROSE, BODY),
    )
    assert read(tmp_path, data).text == (
        f"Do this:\n\n9. {(PROSE * 2).strip()}\n10. Then stop.\n    - first\n    - last\n11. Start. In the year\n"
        f"- a) letter\n\n{PROSE.strip()}\n"
    )


def test_code_keeps_its_lines_and_indents(tmp_path: Path) -> None:
    code = "if pump:\n    stop(*valves)\n\n    wait(10)\nend"
    data = laid_out(
        Paragraph(PROSE, BODY), Preformatted(code, CODE), Paragraph("Call <font face='Courier'>stop</font>.", BODY)
    )
    assert read(tmp_path, data).text == f"{PROSE.strip()}\n\n```\n{code}\n```\n\nCall `stop`.\n"


def test_tables_over_pages_with_their_header_once(tmp_path: Path) -> None:
    rows = [["Code", "Meaning", "Delay"]] + [[f"C-{n:02}", f"meaning of {n}", f"{n} min"] for n in range(90)]
    table = Table(rows, repeatRows=1, style=[("GRID", (0, 0), (-1, -1), 0.5, black)])
    document = read(tmp_path, laid_out(Paragraph("Codes", CHAPTER), table, Paragraph("After.", BODY), head="Head"))
    lines = document.text.split("\n")
    assert lines[2:4] == ["| Code | Meaning | Delay |", "|---|---|---|"]
    assert lines[4:94] == [f"| C-{n:02} | meaning of {n} | {n} min |" for n in range(90)]
    assert len(document.pages.starts) == 3
    assert document.pages.page_at(document.text.index("C-89")) == 3


def test_merged_cells_stand_in_each_place(tmp_path: Path) -> None:
    rows = [["Size", "Flow", ""], ["DN15", "1", "2"], ["", "3", "4"]]
    style = [("GRID", (0, 0), (-1, -1), 0.5, black), ("SPAN", (1, 0), (2, 0)), ("SPAN", (0, 1), (0, 2))]
    text = read(tmp_path, laid_out(Table(rows, style=style))).text
    assert text == "| Size | Flow | Flow |\n|---|---|---|\n| DN15 | 1 | 2 |\n| DN15 | 3 | 4 |\n"


def test_a_frame_around_text_is_no_table(tmp_path: Path) -> None:
    framed = ParagraphStyle("framed", parent=BODY, borderColor=black, borderWidth=1, borderPadding=4)
    text = read(tmp_path, laid_out(Paragraph("Before.", BODY), Paragraph("<b>Note:</b> careful.", framed))).text
    assert text == "Before.\n\n**Note:** careful.\n"


def test_links_and_superscripts(tmp_path: Path) -> None:
    data = laid_out(Paragraph("See <a href='https://example.org/a'>the site</a> on 10<super>3</super> m.", BODY))
    assert read(tmp_path, data).text == "See [the site](https://example.org/a) on 10³ m.\n"


def test_contents_pages_are_dropped(tmp_path: Path) -> None:
    contents = [Paragraph(f"{n} Chapter {'. ' * 40} {n + 1}", BODY) for n in range(1, 6)]
    data = laid_out(
        Paragraph("Contents", CHAPTER), *contents, PageBreak(), Paragraph("1 Chapter", CHAPTER), Paragraph(PROSE, BODY)
    )
    assert read(tmp_path, data).text == f"# 1 Chapter\n\n{PROSE.strip()}\n"


def test_text_printed_twice_or_turned_is_read_once_or_not(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 10)
        canvas.drawString(72, 700, "Poor man's bold")
        canvas.drawString(72.3, 700, "Poor man's bold")
        canvas.rotate(90)
        canvas.drawString(300, -30, "DRAFT")

    assert read(tmp_path, drawn(draw)).text == "Poor man's bold\n"


def test_a_scanned_document_is_named(tmp_path: Path) -> None:
    from PIL import Image

    scan = ImageReader(Image.new("RGB", (60, 80), "white"))
    data = drawn(lambda canvas: canvas.drawImage(scan, 0, 0, *A4))
    with pytest.raises(UnreadableFile, match=r"no text layer.*OCR"):
        read(tmp_path, data)


def test_encrypted_files(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "Protected text")

    with pytest.raises(UnreadableFile, match="protected with a password: save a copy without one"):
        read(tmp_path, drawn(draw, encrypt=StandardEncryption("secret", ownerPassword="owner")))
    # Printing and copying may be forbidden without a password for reading.
    assert read(tmp_path, drawn(draw, encrypt=StandardEncryption("", ownerPassword="owner"))).text == "Protected text\n"


def test_incomplete_files_are_named(tmp_path: Path) -> None:
    data = laid_out(*(Paragraph(PROSE * 20, BODY) for _ in range(10)))
    for length in (60, len(data) // 2, len(data) - 40):
        with pytest.raises(UnreadableFile, match=r"incomplete|not a PDF|damaged"):
            read(tmp_path, data[:length])


def test_a_broken_index_is_named(tmp_path: Path) -> None:
    data = simple()
    with pytest.raises(UnreadableFile, match="damaged"):
        read(tmp_path, re.sub(rb"startxref\n\d+", b"startxref\n7", data))


def test_a_broken_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportlab.rl_config.useA85", 0)
    data = drawn(lambda canvas: canvas.drawString(72, 700, "Some text " * 8), pageCompression=1)
    assert read(tmp_path, data).text.startswith("Some text")
    start = data.index(b"stream", data.index(b"FlateDecode")) + 10
    end = data.index(b"endstream", start)
    flipped = data[: start + 20] + b"\xff\xfe" + data[start + 22 :]
    blank = data[:start] + bytes(end - start) + data[end:]
    for broken in (flipped, blank):
        with pytest.raises(UnreadableFile, match="content of page 1 is broken"):
            read(tmp_path, broken)


def test_what_would_unpack_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportlab.rl_config.useA85", 0)
    data = drawn(lambda canvas: canvas.drawString(72, 700, "text " * 1_000_000), pageCompression=1)
    assert len(data) < 100_000
    with pytest.raises(UnreadableFile, match="unpacks to more than 1 MB"):
        read(tmp_path, data, Limits(unpacked_bytes=2**20))
    with pytest.raises(UnreadableFile, match="packed twice"):
        read(tmp_path, data.replace(b"/FlateDecode", b"/Fl /Fl     ", 1))


def test_another_file_named_pdf(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="not a PDF file by its content"):
        read(tmp_path, b"Just text.")


def test_limits(tmp_path: Path) -> None:
    data = laid_out(*(item for _ in range(5) for item in (Paragraph(PROSE, BODY), PageBreak())))
    with pytest.raises(UnreadableFile, match="5 pages, 4 are allowed"):
        read(tmp_path, data, Limits(pages=4))
    with pytest.raises(UnreadableFile, match="more than 100 characters"):
        read(tmp_path, data, Limits(characters=100))


def outlined(canvas: Canvas, *titles: str) -> None:
    for title in titles:
        canvas.bookmarkPage(title)
        canvas.addOutlineEntry(title, title, 0)


def test_terms_are_no_headings_where_an_outline_names_those(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        outlined(canvas, "Changes", "Older changes")
        at = 780.0
        for size, left, text in (
            *((15, 72, "Changes"), (10, 72, PROSE[:60]), (10, 72, PROSE[:50])),
            *(
                (-10, 72, "9.1.1"),
                (10, 97, "The pump may now be oiled."),
                (-10, 72, "9.2"),
                (10, 97, "So may the valve."),
            ),
            *((15, 72, "Older changes"), (10, 72, PROSE[:70])),
        ):
            at -= 1.8 * abs(size)
            canvas.setFont("Times-Bold" if size < 0 or size == 15 else "Times-Roman", abs(size))
            canvas.drawString(left, at, text)

    document = read(tmp_path, drawn(draw))
    assert [section.path[-1] for section in document.sections] == ["Changes", "Older changes"]
    assert "**9.1.1**" in document.text


def test_a_heading_goes_on_with_names_of_code(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Bold", 16)
        canvas.drawString(72, 760, "4.2 Binary packages and how they depend on others,")
        canvas.setFont("Courier-Bold", 16)
        canvas.drawString(72, 742, "Depends")
        canvas.setFont("Times-Roman", 10)
        for line in range(6):
            canvas.drawString(72, 715 - 12 * line, PROSE[:90])

    (section,) = read(tmp_path, drawn(draw)).sections
    assert section.path == ("4.2 Binary packages and how they depend on others, Depends",)


def test_the_number_that_opens_a_chapter_is_dropped(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for number, name in (("ONE", "PUMPS"), ("TWO", "VALVES"), ("B", "TABLES")):
            for size, top, text in ((10, 640, "CHAPTER"), (15, 615, number), (15, 560, name)):
                canvas.setFont("Times-Bold", size)
                canvas.drawRightString(540, top, text)
            canvas.setFont("Times-Roman", 10)
            for line in range(9):
                canvas.drawString(72, 500 - 12 * line, PROSE[:90])
            canvas.showPage()

    document = read(tmp_path, drawn(draw))
    assert [section.path for section in document.sections] == [("PUMPS",), ("VALVES",), ("TABLES",)]
    assert "CHAPTER" not in document.text
    assert "ONE" not in document.text


def test_entries_without_dots_on_a_page_of_contents_are_dropped_too(tmp_path: Path) -> None:
    entries = [
        "1 Pumps 1",
        *(f"1.{n} Part {'. ' * 30} {n}" for n in range(1, 5)),
        "2 Valves of the kind that",
        "close 6",
    ]
    entries += [f"2.{n} Part {'. ' * 30} {n + 6}" for n in range(1, 4)] + ["Index 12"]
    story = [Paragraph("Manual", TITLE), PageBreak(), Paragraph("Contents", CHAPTER)]
    story += [Paragraph(entry, BOLD if "." not in entry else BODY) for entry in entries]
    story += [PageBreak(), Paragraph("Pumps", CHAPTER), Paragraph(PROSE * 3, BODY)]
    document = read(tmp_path, laid_out(*story))
    assert [section.path[-1] for section in document.sections] == ["Manual", "Pumps"]
    assert "Index" not in document.text
    assert "Valves" not in document.text


def test_where_the_outline_is_complete_nothing_else_is_a_heading(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        outlined(canvas, "Changes", "Older changes")
        at = 780.0
        for bold, size, text in (
            *((True, 15, "Changes"), (False, 10, PROSE[:60]), (True, 11, "Rationale"), (False, 10, PROSE[:50])),
            *((True, 15, "Older changes"), (False, 10, PROSE[:70]), (True, 10, "Note"), (False, 10, PROSE[:50])),
        ):
            at -= 2 * size
            canvas.setFont("Times-Bold" if bold else "Times-Roman", size)
            canvas.drawString(72, at, text)

    document = read(tmp_path, drawn(draw))
    assert [section.path for section in document.sections] == [("Changes",), ("Older changes",)]
    assert "**Rationale**" in document.text


def test_the_last_entries_of_contents_on_a_page_with_text_are_dropped(tmp_path: Path) -> None:
    entries = [Paragraph(f"{n} Part {'.' * 60} {n}", BODY) for n in range(1, 8)]
    story = [Paragraph("Contents", CHAPTER), *entries[:6], PageBreak(), entries[6], Paragraph(PROSE * 3, BODY)]
    assert read(tmp_path, laid_out(*story)).text == " ".join([PROSE.strip()] * 3) + "\n"
