"""The text of shapes, with its forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingest import markdown_writer as md
from ingest.canonical import normalise
from ingest.inline import Run, render
from ingest.markdown_writer import Written

if TYPE_CHECKING:
    from pptx.text.text import TextFrame, _Paragraph

_LINE_BREAK = "\v"  # How the library gives a line break inside a paragraph.
_NS = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def paragraphs_of(frame: TextFrame, *, listed: bool) -> Iterator[Written]:
    """Paragraphs, or the items of a list at their depths where bullets are what the place is for (``listed``)."""
    for paragraph in frame.paragraphs:
        text = inline(paragraph, line_break="  \n")
        if not text:
            continue
        if _has_bullet(paragraph, listed=listed):
            written = md.item("-", [md.paragraph(text)]).text
            indent = "  " * paragraph.level
            yield Written("\n".join(indent + line for line in written.split("\n")), item=True)
        else:
            yield md.paragraph(text)


def flat(frame: TextFrame, *, bold: bool = True) -> str:
    """All paragraphs on one line; without ``bold``, that form is dropped (headings and header cells)."""
    lines = (inline(paragraph, line_break=" ", bold=bold) for paragraph in frame.paragraphs)
    return " ".join(line for line in lines if line)


def inline(paragraph: _Paragraph, *, line_break: str, bold: bool = True) -> str:
    """Markdown of a paragraph."""
    return render(_runs(paragraph, bold=bold), line_break=line_break)


def _runs(paragraph: _Paragraph, *, bold: bool) -> Iterator[Run]:
    forms = {run._r: run for run in paragraph.runs}
    for child in paragraph._p:
        if child.tag == f"{_NS}br":
            yield Run("\n")
        elif child in forms:
            run = forms[child]
            link = normalise(run.hyperlink.address or "")
            text = normalise(run.text.replace(_LINE_BREAK, "\n"))
            yield Run(text, bold=bold and bool(run.font.bold), italic=bool(run.font.italic), link=link)
        elif child.tag == f"{_NS}fld":  # A date, a number and the like, with the text that it shows.
            yield Run(normalise("".join(text.text or "" for text in child.iter(f"{_NS}t"))))


def _has_bullet(paragraph: _Paragraph, *, listed: bool) -> bool:
    properties = paragraph._p.find(f"{_NS}pPr")
    if properties is not None:
        if properties.find(f"{_NS}buNone") is not None:
            return False
        if any(properties.find(f"{_NS}{mark}") is not None for mark in ("buChar", "buAutoNum", "buBlip")):
            return True
    return listed
