"""The blocks of a page as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lxml.html import HtmlElement

from ingest import markdown_writer as md
from ingest.inline import Run
from ingest.markdown_writer import Written
from ingest.readers.html.content import hidden, names
from ingest.readers.html.tables import grid_of, has_header
from ingest.readers.html.text import BLOCKS, inline, language_of, runs_of, verbatim

_ADMONITIONS = names("note tip warning caution important danger hint attention admonition admonitionblock")


def blocks_of(element: HtmlElement) -> Iterator[Written]:
    """The blocks inside an element; text between them becomes paragraphs."""
    loose: list[Run] = [Run(element.text or "")]
    for child in element:
        if not hidden(child):
            if _is_block(child):
                yield md.paragraph(inline(loose))
                loose = []
                yield from _block(child)
            else:
                loose.extend(runs_of(child))
        loose.append(Run(child.tail or ""))
    yield md.paragraph(inline(loose))


def _is_block(element: HtmlElement) -> bool:
    return element.tag in BLOCKS or any(
        isinstance(inner.tag, str) and inner.tag in BLOCKS for inner in element.iterdescendants()
    )


def _block(element: HtmlElement) -> Iterator[Written]:
    tag = str(element.tag)
    if re.fullmatch("h[2-6]", tag) and _heads_admonition(element):
        yield md.paragraph(inline(runs_of(element, Run("", bold=True))))  # As a heading it would not end with the note.
    elif re.fullmatch("h[1-6]", tag):
        runs = (replace(run, link="", bold=False) for run in runs_of(element))
        yield md.heading(int(tag[1]), inline(runs, line_break=" "))
    elif tag == "pre":
        yield md.code(verbatim(element), language_of(element))
    elif tag in {"ul", "ol"}:
        yield from _items(element, ordered=tag == "ol")
    elif tag == "dl":
        yield from _definitions(element)
    elif tag == "table":
        yield from _table(element)
    elif tag == "blockquote":
        yield md.quote(list(blocks_of(element)))
    elif tag in {"dt", "summary", "figcaption", "legend", "caption"} and not any(_is_block(c) for c in element):
        yield md.paragraph(inline(runs_of(element, Run("", bold=True))))
    else:
        yield from blocks_of(element)


def _heads_admonition(heading: HtmlElement) -> bool:
    named = "title" in heading.get("class", "").split() or heading.text_content().strip().lower() in _ADMONITIONS
    return named and _is_admonition(heading.getparent())


def _is_admonition(element: HtmlElement | None) -> bool:
    """Whether an element is a note that stands beside the text: DocBook, Asciidoctor, Sphinx and others call it so."""
    return element is not None and not _ADMONITIONS.isdisjoint(element.get("class", "").lower().split())


def _items(element: HtmlElement, *, ordered: bool) -> Iterator[Written]:
    try:
        number = max(int(element.get("start", "1")), 0)
    except ValueError:
        number = 1
    for part in _parts(element):
        if isinstance(part, str):
            yield md.paragraph(inline([Run(part)]))
        elif part.tag == "li":
            yield md.item(f"{number}." if ordered else "-", list(blocks_of(part)))
            number += 1
        elif part.tag in {"ul", "ol"}:  # A list right inside a list: invalid, common, and meant as part of an item.
            yield md.item("-", list(_block(part)))
        else:
            yield from _block(part)


def _parts(element: HtmlElement) -> Iterator[HtmlElement | str]:
    """Visible children and the text beside them, which lists and tables should not have."""
    if element.text and element.text.strip():
        yield element.text
    for child in element:
        if not hidden(child):
            yield child
        if child.tail and child.tail.strip():
            yield child.tail


def _definitions(element: HtmlElement) -> Iterator[Written]:
    for part in _parts(element):
        if isinstance(part, str):
            yield md.paragraph(inline([Run(part)]))
        elif part.tag == "dd":
            yield md.item("-", list(blocks_of(part)))
        elif part.tag == "div":
            yield from _definitions(part)
        else:
            yield from _block(part)


def _table(element: HtmlElement) -> Iterator[Written]:
    rows: list[HtmlElement] = []
    yield from _beside_cells(element, rows)
    if len(rows) == 1 and _is_admonition(element.getparent()):
        for cell in rows[0].iterchildren("td", "th"):  # Its icon or its kind, and beside it its text.
            kind = "icon" in cell.get("class", "").split()
            yield from [md.paragraph(inline(runs_of(cell, Run("", bold=True))))] if kind else blocks_of(cell)
        return
    grid = grid_of(rows)
    if len(grid) == 1 and len(grid[0]) == 1:  # A frame around text, not a table.
        yield from blocks_of(next(rows[0].iterchildren("td", "th")))
        return
    if grid and not has_header(rows):
        grid.insert(0, [""] * len(grid[0]))
    yield md.table(grid)


def _beside_cells(element: HtmlElement, rows: list[HtmlElement]) -> Iterator[Written]:
    """The caption and what is not in any cell, as browsers show it: above the table. Adds the rows to ``rows``."""
    if element.tag == "tr":
        rows.append(element)
    for part in _parts(element):
        if isinstance(part, str):
            yield md.paragraph(inline([Run(part)]))
        elif part.tag in {"thead", "tbody", "tfoot", "tr", "colgroup"}:
            yield from _beside_cells(part, rows)
        elif element.tag != "tr" or part.tag not in {"td", "th"}:
            yield from _block(part)
