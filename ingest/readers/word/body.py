"""The body of a Word document as Markdown blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lxml.etree import _Element as Element

from ingest import markdown_writer as md
from ingest.inline import Run, render
from ingest.markdown_writer import Written
from ingest.readers.word.names import FALLBACK, VALUE, w
from ingest.readers.word.numbering import Label, Numbering
from ingest.readers.word.styles import Styles
from ingest.readers.word.text import TextReader

_ORDINAL = re.compile(r"(\d{1,9})[.)]")
_COLUMNS = 200


@dataclass(slots=True)
class Body:
    """Walks the body once from top to bottom; ``notes`` are footnotes and endnotes by kind and number."""

    element: Element
    styles: Styles
    numbering: Numbering
    text: TextReader
    notes: Mapping[str, Element]
    _indents: list[int] = field(default_factory=list)

    def blocks(self) -> Iterator[Written]:
        """All blocks, and the notes at the end."""
        # Below a paragraph in the style for the document's title, headings of level 1 are chapters.
        titles = (p for p in self.element.iter(w("p")) if self.styles.is_title(p))
        shift = int(any(render(self.text.runs(p)) for p in titles))
        yield from self._inside(self.element, shift)
        for number, key in enumerate(self.text.notes, 1):  # A note may refer to a further one: the list grows.
            if key in self.notes:
                yield Written(f"[^{number}]: {self._flat(self.notes[key])}")

    def _inside(self, parent: Element, shift: int) -> Iterator[Written]:
        code: list[str] = []
        for element in _children(parent):
            if element.tag == w("p") and self.styles.is_code(element):
                code.append("".join(run.text for run in self.text.runs(element)))
                continue
            if code:
                yield md.code("\n".join(code))
                code = []
            if element.tag == w("p"):
                yield from self._paragraph(element, shift)
                for box in _text_boxes(element):
                    yield from self._inside(box, shift)
            else:
                yield from self._table(element, shift)
        yield md.code("\n".join(code))

    def _paragraph(self, element: Element, shift: int) -> Iterator[Written]:
        label = self.numbering.next_label(element)
        runs = self.text.runs(element)
        text = render(runs)
        if not text or self.styles.is_contents_entry(element):
            return
        level = self.styles.heading_level(element)
        if self.styles.is_title(element):
            yield md.heading(1, render(_regular(runs), line_break=" "))
        elif level:
            number = f"{label.text} " if label and label.text else ""
            yield md.heading(level + shift, number + render(_regular(runs), line_break=" "))
        elif label:
            yield self._item(label, self.styles.list_depth(element), text)
        elif self._indents and self.styles.continues_list(element):
            indent = sum(self._indents[: self.styles.list_depth(element) + 1])
            yield Written(_indented(md.paragraph(text).text, indent))
        elif self.styles.is_quote(element):
            yield md.quote([md.paragraph(text)])
        else:
            self._indents.clear()
            yield md.paragraph(text)

    def _item(self, label: Label, style_depth: int, text: str) -> Written:
        """A list item under the items that are still open above it."""
        depth = label.depth + style_depth
        ordinal = _ORDINAL.fullmatch(label.text)
        marker = f"{ordinal[1]}." if ordinal else "-"
        shown = text if ordinal or not label.text else f"{label.text} {text}"
        del self._indents[depth:]
        outer = sum(self._indents)
        self._indents.append(len(marker) + 1)
        return Written(_indented(md.item(marker, [md.paragraph(shown)]).text, outer), item=True)

    def _table(self, element: Element, shift: int) -> Iterator[Written]:
        rows = list(_rows(element))
        cells = [list(row.iter(w("tc"))) for row in rows]
        if len(rows) == 1 and len(cells[0]) == 1:  # A frame around text, not a table.
            yield from self._inside(cells[0][0], shift)
            return
        yield md.table(self._grid(rows))

    def _grid(self, rows: Iterable[Element]) -> list[list[str]]:
        """Cells by row and column; a merged cell stands in each place that it covers."""
        grid: list[list[str]] = []
        for number, row in enumerate(rows):
            before = row.find(f"{w('trPr')}/{w('gridBefore')}")
            cells = [""] * (0 if before is None else min(int(before.get(VALUE, "0")), _COLUMNS))
            for cell in _cells(row):
                span = cell.find(f"{w('tcPr')}/{w('gridSpan')}")
                merge = cell.find(f"{w('tcPr')}/{w('vMerge')}")
                continued = merge is not None and merge.get(VALUE, "continue") == "continue"
                above = grid[-1][len(cells)] if continued and grid and len(cells) < len(grid[-1]) else ""
                text = self._flat(cell, header=number == 0) or md.repeated(above, 2)[1]
                across = 1 if span is None else int(span.get(VALUE, "1"))
                cells.extend(md.repeated(text, min(across, _COLUMNS - len(cells))))
            grid.append(cells)
        return grid

    def _flat(self, parent: Element, *, header: bool = False) -> str:
        """All paragraphs of a cell or a note on one line."""
        parts: list[str] = []
        for paragraph in parent.iter(w("p")):
            label = self.numbering.next_label(paragraph)
            runs = self.text.runs(paragraph)
            text = render(_regular(runs) if header else runs, line_break=" ")
            if text:
                parts.append(f"{label.text} {text}" if label and label.text else text)
        return " ".join(parts)


def _children(parent: Element) -> Iterator[Element]:
    """Paragraphs and tables in order, those inside content controls and insertions too."""
    for child in parent:
        if child.tag in {w("p"), w("tbl")}:
            yield child
        elif child.tag == w("sdt"):
            gallery = child.find(f"{w('sdtPr')}/{w('docPartObj')}/{w('docPartGallery')}")
            content = child.find(w("sdtContent"))
            if content is not None and (gallery is None or gallery.get(VALUE) != "Table of Contents"):
                yield from _children(content)
        elif child.tag in {w("ins"), w("moveTo"), w("customXml"), w("smartTag")}:
            yield from _children(child)


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if child.tag == w("tr"):
            yield child
        elif child.tag in {w("sdt"), w("sdtContent"), w("ins"), w("customXml")}:
            yield from _rows(child)


def _cells(row: Element) -> Iterator[Element]:
    for child in row:
        if child.tag == w("tc"):
            yield child
        elif child.tag in {w("sdt"), w("sdtContent"), w("ins"), w("customXml")}:
            yield from _cells(child)


def _text_boxes(paragraph: Element) -> Iterator[Element]:
    """Boxes anchored in a paragraph; Word writes each twice, for new and for old readers."""
    for box in paragraph.iter(w("txbxContent")):
        holders = [ancestor.tag for ancestor in box.iterancestors()]
        if FALLBACK not in holders and w("txbxContent") not in holders:
            yield box


def _regular(runs: Iterable[Run]) -> list[Run]:
    """Without bold: a heading's or a header cell's form, not an emphasis."""
    return [replace(run, bold=False) for run in runs]


def _indented(text: str, width: int) -> str:
    return "\n".join(" " * width + line if line else line for line in text.split("\n"))
