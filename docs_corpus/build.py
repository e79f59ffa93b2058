#!/usr/bin/env python3
"""Build the PDF and DOCX documents of the sample corpus from their Markdown sources.

Every ``docs_corpus/sources/**/NAME.pdf.md`` becomes ``docs_corpus/documents/**/NAME.pdf`` and every
``NAME.docx.md`` becomes ``NAME.docx``.  Markdown, HTML and plain text documents are not built: they
live in ``docs_corpus/documents`` as they are.

The built files are committed, and the build is reproducible: the same source gives the same bytes
(PDF) or the same archive members (DOCX).

Usage::

    python docs_corpus/build.py           # rebuild what is out of date
    python docs_corpus/build.py --check   # exit status 1 when a built file is missing, stale or orphaned

The source dialect: headings of levels 1 to 3 (the first ``#`` heading is the title), paragraphs,
bullet and numbered lists, pipe tables, fenced code, ``>`` notes, bold, italic and code spans, links,
``<br>`` in a table cell, and the line ``<!-- page -->`` for a page break.  Anything else is an error.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias
from xml.sax.saxutils import escape, quoteattr

from docx import Document
from docx.document import Document as DocxDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_BREAK
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph as DocxParagraph
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Preformatted,
    Spacer,
    Table,
)

CORPUS = Path(__file__).resolve().parent
COMPANY = "Tarnwick Metering Ltd"
PAGE_MARK = "<!-- page -->"
FIXED_TIME = datetime(2026, 1, 1, tzinfo=UTC)
ZIP_TIME = (2026, 1, 1, 0, 0, 0)


class BuildError(Exception):
    """A source uses something that the build does not know."""


# --------------------------------------------------------------------------------------------
# The source, parsed into plain blocks
# --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """A run of text in one form; a newline in the text is a line break."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    link: str | None = None


Inline: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 3."""

    level: int
    inline: Inline


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    inline: Inline


@dataclass(frozen=True)
class Code:
    """A fenced code block."""

    text: str


@dataclass(frozen=True)
class Note:
    """A ``>`` block."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Items:
    """A bullet or numbered list; every item is a tuple of blocks."""

    ordered: bool
    start: int
    items: tuple[tuple[Block, ...], ...]


@dataclass(frozen=True)
class Grid:
    """A table; the first row is the header."""

    rows: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True)
class NewPage:
    """A forced page break."""


Block: TypeAlias = Heading | Text | Code | Note | Items | Grid | NewPage


@dataclass(frozen=True)
class Source:
    """A parsed source: its title (plain text) and its blocks."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class _Form:
    """The inline form in force while spans are collected."""

    bold: bool = False
    italic: bool = False
    link: str | None = None


def plain(inline: Inline) -> str:
    """The text of an inline sequence without its forms."""
    return "".join(span.text for span in inline).replace("\n", " ")


def _spans(node: SyntaxTreeNode, form: _Form) -> Iterator[Span]:
    """Walk the inline children of *node* and yield their spans."""
    for child in node.children:
        kind = child.type
        if kind == "text":
            if child.content:
                yield Span(child.content, form.bold, form.italic, False, form.link)
        elif kind == "softbreak":
            yield Span(" ", form.bold, form.italic, False, form.link)
        elif kind == "hardbreak":
            yield Span("\n", form.bold, form.italic)
        elif kind == "code_inline":
            yield Span(child.content, form.bold, form.italic, True, form.link)
        elif kind == "strong":
            yield from _spans(child, _Form(True, form.italic, form.link))
        elif kind == "em":
            yield from _spans(child, _Form(form.bold, True, form.link))
        elif kind == "link":
            yield from _spans(child, _Form(form.bold, form.italic, str(child.attrs["href"])))
        elif kind == "html_inline" and re.fullmatch(r"<br\s*/?>", child.content):
            yield Span("\n", form.bold, form.italic)
        else:
            raise BuildError(f"unknown inline element {kind!r}: {child.content[:60]!r}")


def _inline(node: SyntaxTreeNode) -> Inline:
    """The spans of a block node that holds a single inline node."""
    spans: list[Span] = []
    for child in node.children:
        if child.type != "inline":
            raise BuildError(f"expected inline text, found {child.type!r}")
        spans.extend(_spans(child, _Form()))
    return tuple(spans)


def _grid(node: SyntaxTreeNode) -> Grid:
    """A table node as a grid."""
    rows = [tuple(_inline(cell) for cell in row.children) for section in node.children for row in section.children]
    return Grid(tuple(rows))


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> tuple[Block, ...]:
    """The blocks of a sequence of sibling nodes."""
    blocks: list[Block] = []
    for node in nodes:
        kind = node.type
        if kind == "heading":
            level = int(node.tag[1:])
            if level > 3:
                raise BuildError(f"heading deeper than level 3: {plain(_inline(node))!r}")
            blocks.append(Heading(level, _inline(node)))
        elif kind == "paragraph":
            blocks.append(Text(_inline(node)))
        elif kind == "fence":
            blocks.append(Code(node.content.rstrip("\n")))
        elif kind == "blockquote":
            blocks.append(Note(_blocks(node.children)))
        elif kind in ("bullet_list", "ordered_list"):
            items = tuple(_blocks(item.children) for item in node.children)
            start = int(node.attrs.get("start", 1))
            blocks.append(Items(kind == "ordered_list", start, items))
        elif kind == "table":
            blocks.append(_grid(node))
        elif kind == "html_block" and node.content.strip() == PAGE_MARK:
            blocks.append(NewPage())
        elif kind == "hr":
            continue
        else:
            raise BuildError(f"unknown block {kind!r}: {node.content[:60]!r}")
    return tuple(blocks)


def parse(text: str) -> Source:
    """Parse a source; raise :class:`BuildError` for what the dialect does not have."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    blocks = _blocks(SyntaxTreeNode(parser.parse(text)).children)
    titles = [block for block in blocks if isinstance(block, Heading) and block.level == 1]
    if not titles or blocks[0] is not titles[0]:
        raise BuildError("a source begins with its title, a '# ' heading")
    return Source(plain(titles[0].inline), blocks)


# --------------------------------------------------------------------------------------------
# PDF
# --------------------------------------------------------------------------------------------

BODY = "Tarnwick"
MONO = "Courier"
PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 20 * mm
TEXT_WIDTH = PAGE_WIDTH - 2 * MARGIN
CODE_SIZE = 8.0
RULE = colors.HexColor("#8a97a3")
SHADE = colors.HexColor("#eef2f5")
INK = colors.HexColor("#173a52")
#: Characters that the fonts lack, and what is printed for them.
SUBSTITUTES = {
    "\u2192": "->",
    "\u2190": "<-",
    "\u2194": "<->",
    "\u21d2": "=>",
    "\u0394": "\u2206",
    "\u00a0": " ",
    "\u202f": " ",
    "\u2009": " ",
    "\u2011": "-",
}


def _register_fonts() -> None:
    """Register the typeface that reportlab ships with (embedded, so that every sign extracts)."""
    if BODY in pdfmetrics.getRegisteredFontNames():
        return
    faces = {"": "Vera.ttf", "-Bold": "VeraBd.ttf", "-Italic": "VeraIt.ttf", "-BoldItalic": "VeraBI.ttf"}
    for suffix, file in faces.items():
        pdfmetrics.registerFont(TTFont(BODY + suffix, file))
    pdfmetrics.registerFontFamily(
        BODY,
        normal=BODY,
        bold=BODY + "-Bold",
        italic=BODY + "-Italic",
        boldItalic=BODY + "-BoldItalic",
    )


def _style(name: str, size: float, leading: float, font: str = BODY, **more: object) -> ParagraphStyle:
    """A paragraph style, in the body face unless another *font* is named."""
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=leading, **more)


def _pdf_styles() -> dict[str, ParagraphStyle]:
    """The paragraph styles of the PDF documents."""
    bold = BODY + "-Bold"
    return {
        "h1": _style("h1", 20, 25, font=bold, textColor=INK, spaceAfter=10),
        "h2": _style("h2", 14, 18, font=bold, textColor=INK, spaceBefore=14, spaceAfter=5, keepWithNext=1),
        "h3": _style("h3", 11, 14, font=bold, textColor=INK, spaceBefore=9, spaceAfter=3, keepWithNext=1),
        "body": _style("body", 9, 13, spaceAfter=6),
        "cell": _style("cell", 8, 10.5),
        "head": _style("head", 8, 10.5, font=bold),
    }


def printable(text: str, mono: bool = False) -> str:
    """*text* in signs that the fonts have; raise :class:`BuildError` for others."""
    text = "".join(SUBSTITUTES.get(sign, sign) for sign in text)
    if mono:
        known = {sign for sign in text if sign == "\n" or (sign.encode("cp1252", "ignore") and sign != "\u2022")}
    else:
        font: Any = pdfmetrics.getFont(BODY)
        known = {sign for sign in text if sign == "\n" or ord(sign) in font.face.charToGlyph}
    missing = sorted(set(text) - known)
    if missing:
        raise BuildError(f"signs without a glyph in the PDF fonts: {missing}")
    return text


def _markup(inline: Inline) -> str:
    """An inline sequence in reportlab's paragraph markup."""
    parts: list[str] = []
    for span in inline:
        mono = span.code and all(sign.encode("cp1252", "ignore") for sign in span.text)
        text = escape(printable(span.text, mono)).replace("\n", "<br/>")
        if mono:
            text = f'<font face="{MONO}">{text}</font>'
        if span.italic:
            text = f"<i>{text}</i>"
        if span.bold:
            text = f"<b>{text}</b>"
        if span.link is not None:
            text = f"<a href={quoteattr(span.link)} color='#1c5d8c'>{text}</a>"
        parts.append(text)
    return "".join(parts)


def _column_widths(rows: Sequence[Sequence[Inline]], available: float) -> list[float]:
    """Column widths: no narrower than the longest word, the rest shared by the amount of text."""
    count = len(rows[0])
    needs: list[float] = []
    wants: list[float] = []
    for column in range(count):
        texts = [plain(row[column]) for row in rows]
        words = [word for text in texts for word in text.split()]
        longest = max((pdfmetrics.stringWidth(word, BODY + "-Bold", 8) for word in words), default=10.0)
        widest = max(pdfmetrics.stringWidth(text, BODY, 8) for text in texts)
        needs.append(min(longest + 14, available / 2))
        wants.append(max(widest + 14, longest + 14))
    if sum(wants) <= available:
        return [want * available / sum(wants) for want in wants]
    spare = available - sum(needs)
    if spare <= 0:
        return [need * available / sum(needs) for need in needs]
    extra = [max(want - need, 0.0) for want, need in zip(wants, needs, strict=True)]
    # The square root keeps one long column from starving the others.
    weights = [value**0.5 for value in extra]
    total = sum(weights) or 1.0
    return [need + spare * weight / total for need, weight in zip(needs, weights, strict=True)]


class _HeadingParagraph(Paragraph):  # type: ignore[misc]  # reportlab comes without types
    """A heading that writes its own bookmark and outline entry when it is drawn."""

    def __init__(self, markup: str, style: ParagraphStyle, level: int, title: str, key: str) -> None:
        """Keep the outline *level* (from 0), the plain *title* and the bookmark's *key*."""
        super().__init__(markup, style)
        self._entry = (level, title, key)

    def draw(self) -> None:
        """Draw the heading and set its outline entry."""
        level, title, key = self._entry
        canvas: Any = self.canv
        canvas.bookmarkPage(key, fit="XYZ", top=canvas.absolutePosition(0, self.height)[1])
        canvas.addOutlineEntry(title, key, level, closed=False)
        super().draw()


@dataclass
class _PdfWriter:
    """Turns blocks into reportlab flowables."""

    styles: dict[str, ParagraphStyle] = field(default_factory=_pdf_styles)
    headings: int = 0
    depth: int = -1

    def flow(self, blocks: Sequence[Block], indent: float = 0.0, note: bool = False) -> list[Flowable]:
        """The flowables of *blocks* at an indent, shaded when they belong to a note."""
        story: list[Flowable] = []
        for block in blocks:
            story.extend(self._block(block, indent, note))
        return story

    def _body(self, indent: float, note: bool, hang: float = 0.0) -> ParagraphStyle:
        """The body style at an indent; *hang* leaves room for a bullet before the text."""
        name = f"body-{indent:g}-{hang:g}-{note}"
        more: dict[str, Any] = {}
        if note:
            more = {"backColor": SHADE, "borderPadding": 4, "spaceBefore": 5, "spaceAfter": 9}
        left = indent + hang + (8 if note else 0)
        return ParagraphStyle(
            name,
            parent=self.styles["body"],
            leftIndent=left,
            bulletIndent=left - hang,
            rightIndent=8 if note else 0,
            bulletFontName=BODY,
            bulletFontSize=9,
            **more,
        )

    def _block(self, block: Block, indent: float, note: bool) -> list[Flowable]:
        """The flowables of one block."""
        match block:
            case Heading():
                return [self._heading(block)]
            case Text():
                return [Paragraph(_markup(block.inline), self._body(indent, note))]
            case Code():
                return self._code(block, indent)
            case Note():
                return self.flow(block.blocks, indent, True)
            case Items():
                return self._items(block, indent, note)
            case Grid():
                return self._table(block, indent)
            case NewPage():
                return [PageBreak()]

    def _heading(self, block: Heading) -> Flowable:
        """A heading; outline levels never jump by more than one."""
        self.headings += 1
        self.depth = min(block.level - 1, self.depth + 1)
        style = self.styles[f"h{block.level}"]
        key = f"heading-{self.headings}"
        return _HeadingParagraph(_markup(block.inline), style, self.depth, plain(block.inline), key)

    def _code(self, block: Code, indent: float) -> list[Flowable]:
        """A code block; long lines are broken rather than cut off."""
        style = ParagraphStyle(
            "code",
            fontName=MONO,
            fontSize=CODE_SIZE,
            leading=10,
            leftIndent=indent + 6,
            spaceBefore=3,
            spaceAfter=8,
        )
        room = int((TEXT_WIDTH - indent - 16) / pdfmetrics.stringWidth("0", MONO, CODE_SIZE))
        return [Preformatted(printable(block.text, True), style, maxLineLength=room, newLineChars="")]

    def _items(self, block: Items, indent: float, note: bool) -> list[Flowable]:
        """A list: every item's first paragraph carries the bullet or number."""
        story: list[Flowable] = []
        hang = 18.0 if block.ordered else 12.0
        for offset, item in enumerate(block.items):
            mark = f"{block.start + offset}." if block.ordered else "\u2022"
            rest: Sequence[Block] = item
            first: Inline = ()
            if item and isinstance(item[0], Text):
                first, rest = item[0].inline, item[1:]
            style = self._body(indent, note, hang)
            style.spaceAfter = 3
            story.append(Paragraph(_markup(first), style, bulletText=mark))
            story.extend(self.flow(rest, indent + hang, note))
        story.append(Spacer(1, 4))
        return story

    def _table(self, block: Grid, indent: float) -> list[Flowable]:
        """A ruled table whose header row is repeated on every page."""
        head, cell = self.styles["head"], self.styles["cell"]
        cells = [
            [Paragraph(_markup(inline), head if number == 0 else cell) for inline in row]
            for number, row in enumerate(block.rows)
        ]
        table = Table(
            cells,
            colWidths=_column_widths(block.rows, TEXT_WIDTH - indent),
            repeatRows=1,
            hAlign="LEFT" if not indent else "RIGHT",
            spaceBefore=4,
            spaceAfter=10,
        )
        table.setStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.5, RULE),
                ("BACKGROUND", (0, 0), (-1, 0), SHADE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
        return [table]


def _pdf_pass(source: Source, total: int) -> tuple[bytes, int]:
    """Lay the document out once with *total* as the number of pages; give bytes and pages."""
    buffer = io.BytesIO()

    def furniture(canvas: Canvas, doc: BaseDocTemplate) -> None:
        """Draw the running head and the foot of a page."""
        canvas.saveState()
        canvas.setFont(BODY, 8)
        canvas.setFillColor(RULE)
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.5)
        top, bottom = PAGE_HEIGHT - 13 * mm, 12 * mm
        canvas.drawString(MARGIN, top, printable(source.title))
        canvas.drawRightString(PAGE_WIDTH - MARGIN, top, COMPANY)
        canvas.line(MARGIN, top - 5, PAGE_WIDTH - MARGIN, top - 5)
        canvas.line(MARGIN, bottom + 11, PAGE_WIDTH - MARGIN, bottom + 11)
        canvas.drawRightString(PAGE_WIDTH - MARGIN, bottom, f"Page {canvas.getPageNumber()} of {total}")
        canvas.restoreState()

    doc = BaseDocTemplate(
        buffer,
        pagesize=A4,
        invariant=1,
        pageCompression=0,
        title=source.title,
        author=COMPANY,
        lang="en-GB",
    )
    frame = Frame(MARGIN, 20 * mm, TEXT_WIDTH, PAGE_HEIGHT - 42 * mm, 0, 0, 0, 0, id="text")
    doc.addPageTemplates([PageTemplate(id="page", frames=[frame], onPage=furniture)])
    doc.build(_PdfWriter().flow(source.blocks))
    return buffer.getvalue(), doc.page


def build_pdf(source: Source) -> bytes:
    """The PDF of a source: laid out twice, since the foot states the number of pages."""
    _register_fonts()
    _, total = _pdf_pass(source, 0)
    data, pages = _pdf_pass(source, total)
    if pages != total:
        raise BuildError("the number of pages changed between the passes")
    return data


# --------------------------------------------------------------------------------------------
# DOCX
# --------------------------------------------------------------------------------------------

CODE_FONT = "Courier New"


def _docx_styles(document: DocxDocument) -> None:
    """Set the page, the body font and the styles for code."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin = section.bottom_margin = Cm(2.2)
    styles: Any = document.styles
    styles["Normal"].font.name = "Calibri"
    styles["Normal"].font.size = Pt(10.5)
    styles["Heading 1"].font.size = Pt(20)
    styles["Heading 2"].font.size = Pt(14)
    styles["Heading 3"].font.size = Pt(11.5)
    block = styles.add_style("Code Block", WD_STYLE_TYPE.PARAGRAPH)
    block.base_style = styles["Normal"]
    block.font.name = CODE_FONT
    block.font.size = Pt(9)
    span = styles.add_style("Code", WD_STYLE_TYPE.CHARACTER)
    span.font.name = CODE_FONT
    span.font.size = Pt(9.5)


def _field(paragraph: DocxParagraph, instruction: str) -> None:
    """Append a simple field such as ``PAGE`` to a paragraph."""
    element: Any = OxmlElement("w:fldSimple")
    element.set(qn("w:instr"), instruction)
    run: Any = OxmlElement("w:r")
    text: Any = OxmlElement("w:t")
    text.text = "1"
    run.append(text)
    element.append(run)
    paragraph._p.append(element)


def _docx_furniture(document: DocxDocument, title: str) -> None:
    """Write the running head and the page numbers in the foot."""
    section = document.sections[0]
    section.header.paragraphs[0].text = f"{title}\t\t{COMPANY}"
    foot = section.footer.paragraphs[0]
    foot.add_run("\t\tPage ")
    _field(foot, "PAGE")
    foot.add_run(" of ")
    _field(foot, "NUMPAGES")


@dataclass
class _DocxWriter:
    """Appends blocks to a Word document."""

    document: DocxDocument

    def write(self, blocks: Sequence[Block], note: bool = False) -> None:
        """Append *blocks*, in the style for notes when they belong to one."""
        for block in blocks:
            match block:
                case Heading():
                    self.runs(self.document.add_heading(level=block.level), block.inline)
                case Text():
                    style = "Intense Quote" if note else None
                    self.runs(self.document.add_paragraph(style=style), block.inline)
                case Code():
                    self.document.add_paragraph(style="Code Block").add_run(block.text)
                case Note():
                    self.write(block.blocks, True)
                case Items():
                    self._items(block, 1)
                case Grid():
                    self._table(block)
                case NewPage():
                    self.document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)

    def runs(self, paragraph: DocxParagraph, inline: Inline) -> None:
        """Append the spans of an inline sequence to a paragraph."""
        for span in inline:
            run = paragraph.add_run(span.text, style="Code" if span.code else None)
            run.bold = True if span.bold else None
            run.italic = True if span.italic else None
            if span.link is not None:
                run.font.underline = True
                run.font.color.rgb = RGBColor(0x1C, 0x5D, 0x8C)

    def _numbering(self, style: str, start: int) -> int:
        """A new numbering instance for a list, so that its numbers begin at *start*."""
        styles: Any = self.document.styles
        numbering: Any = self.document.part.numbering_part.element
        inherited = styles[style].element.pPr.numPr.numId.val
        abstract = numbering.num_having_numId(inherited).abstractNumId.val
        number = numbering.add_num(abstract)
        number.add_lvlOverride(ilvl=0).add_startOverride(start)
        return int(number.numId)

    def _items(self, block: Items, level: int) -> None:
        """A list in Word's own list styles; nested lists use the style of the next level."""
        base = "List Number" if block.ordered else "List Bullet"
        style = base if level == 1 else f"{base} {min(level, 3)}"
        number = self._numbering(style, block.start) if block.ordered else None
        for item in block.items:
            for position, child in enumerate(item):
                if isinstance(child, Text):
                    chosen = style if position == 0 else "List Continue"
                    paragraph = self.document.add_paragraph(style=chosen)
                    if position == 0 and number is not None:
                        properties: Any = paragraph._p.get_or_add_pPr()
                        listed = properties.get_or_add_numPr()
                        listed.get_or_add_ilvl().val = 0
                        listed.get_or_add_numId().val = number
                    self.runs(paragraph, child.inline)
                elif isinstance(child, Items):
                    self._items(child, level + 1)
                else:
                    self.write([child])

    def _table(self, block: Grid) -> None:
        """A ruled table with a bold header row that Word repeats on every page."""
        table = self.document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
        for number, row in enumerate(block.rows):
            added = table.add_row()
            for cell, inline in zip(added.cells, row, strict=True):
                paragraph = cell.paragraphs[0]
                self.runs(paragraph, inline)
                if number == 0:
                    for run in paragraph.runs:
                        run.bold = True
            if number == 0:
                properties: Any = added._tr.get_or_add_trPr()
                properties.append(OxmlElement("w:tblHeader"))
        self.document.add_paragraph()


def _repack(data: bytes) -> bytes:
    """The same archive with fixed time stamps and the members in a fixed order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        # The content types come first, as in every file that Word writes.
        names = sorted(old.namelist(), key=lambda name: (name != "[Content_Types].xml", name))
        for name in names:
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            new.writestr(info, old.read(name))
    return buffer.getvalue()


def build_docx(source: Source) -> bytes:
    """The Word document of a source."""
    document = Document()
    _docx_styles(document)
    properties = document.core_properties
    properties.title = source.title
    properties.author = properties.last_modified_by = COMPANY
    properties.comments = ""
    properties.language = "en-GB"
    properties.created = properties.modified = FIXED_TIME.replace(tzinfo=None)
    _docx_furniture(document, source.title)
    _DocxWriter(document).write(source.blocks)
    buffer = io.BytesIO()
    document.save(buffer)
    return _repack(buffer.getvalue())


# --------------------------------------------------------------------------------------------
# The files
# --------------------------------------------------------------------------------------------

BUILDERS = {".pdf": build_pdf, ".docx": build_docx}


@dataclass(frozen=True)
class Job:
    """A source and the document that is built from it."""

    source: Path
    target: Path

    def build(self) -> bytes:
        """The bytes that the source gives."""
        try:
            return BUILDERS[self.target.suffix](parse(self.source.read_text(encoding="utf-8")))
        except BuildError as error:
            raise BuildError(f"{self.source}: {error}") from error


def jobs(corpus: Path) -> list[Job]:
    """All sources below ``corpus/sources`` with their targets, in order of path."""
    sources = corpus / "sources"
    found: list[Job] = []
    for path in sorted(sources.rglob("*.md")):
        if path.with_suffix("").suffix not in BUILDERS:
            raise BuildError(f"{path}: a source is called NAME.pdf.md or NAME.docx.md")
        found.append(Job(path, corpus / "documents" / path.relative_to(sources).with_suffix("")))
    return found


def orphans(corpus: Path) -> list[Path]:
    """Built documents whose source is gone."""
    targets = {job.target for job in jobs(corpus)}
    documents = sorted((corpus / "documents").rglob("*"))
    return [path for path in documents if path.suffix in BUILDERS and path not in targets]


def same(old: bytes, new: bytes, suffix: str) -> bool:
    """Whether two builds are equal; archives are compared by their members, not by compression."""
    if suffix != ".docx":
        return old == new
    try:
        with zipfile.ZipFile(io.BytesIO(old)) as one, zipfile.ZipFile(io.BytesIO(new)) as two:
            names = one.namelist()
            return names == two.namelist() and all(one.read(name) == two.read(name) for name in names)
    except zipfile.BadZipFile:
        return False


def run(corpus: Path, check: bool) -> int:
    """Build (or only compare) all documents of *corpus*; give the exit status."""
    status = 0
    for job in jobs(corpus):
        try:
            data = job.build()
        except BuildError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 1
            continue
        old = job.target.read_bytes() if job.target.exists() else None
        if old is not None and same(old, data, job.target.suffix):
            continue
        name = job.target.relative_to(corpus)
        if check:
            print(f"{'missing' if old is None else 'stale'}: {name}")
            status = 1
        else:
            job.target.parent.mkdir(parents=True, exist_ok=True)
            job.target.write_bytes(data)
            print(f"built: {name}")
    for path in orphans(corpus):
        print(f"orphan (no source): {path.relative_to(corpus)}")
        status = 1
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description="Build the PDF and DOCX documents of the sample corpus.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a document is out of date")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="corpus folder (default: this script's)")
    arguments = parser.parse_args(argv)
    return run(arguments.corpus.resolve(), arguments.check)


if __name__ == "__main__":
    sys.exit(main())
