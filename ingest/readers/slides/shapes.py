"""The shapes of a slide as Markdown blocks, in the order in which a screen reader would read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ingest import markdown_writer as md
from ingest.canonical import normalise
from ingest.inline import Run, escape, render
from ingest.markdown_writer import Written
from ingest.readers.slides.text import flat, paragraphs_of

if TYPE_CHECKING:
    from pptx.chart.chart import Chart
    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide
    from pptx.table import Table, _Cell

_NESTING = 50
_DIAGRAM = "/diagramData"
_NS = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_PROPERTIES = "{http://schemas.openxmlformats.org/presentationml/2006/main}cNvPr"


def title_of(slide: Slide) -> tuple[str, bool]:
    """The title as inline Markdown, and whether it is that of a title slide, so of the whole presentation."""
    from pptx.enum.shapes import PP_PLACEHOLDER

    shape = slide.shapes.title
    if shape is None:
        return "", False
    opens = shape.placeholder_format.type == PP_PLACEHOLDER.CENTER_TITLE
    return flat(shape.text_frame, bold=False), opens


def blocks_of(shapes: Iterable[BaseShape], depth: int = 0) -> Iterator[Written]:
    """The blocks of shapes but for the title and what stands on every slide. Raises ValueError for endless groups."""
    from pptx.shapes.graphfrm import GraphicFrame
    from pptx.shapes.group import GroupShape
    from pptx.shapes.picture import Picture

    if depth > _NESTING:
        raise ValueError("groups within groups without end")
    for shape in shapes:
        if _is_hidden(shape) or _is_frame(shape):
            continue
        if isinstance(shape, GroupShape):
            yield from blocks_of(shape.shapes, depth + 1)
        elif isinstance(shape, GraphicFrame):
            yield from _graphic(shape)
        elif isinstance(shape, Picture):
            if alt := " ".join(normalise(_property(shape, "descr")).split()):
                yield md.paragraph(render([Run(alt, image=True)]))
        elif shape.has_text_frame:
            yield from paragraphs_of(shape.text_frame, listed=_is_listed(shape))  # type: ignore[attr-defined]


def _is_hidden(shape: BaseShape) -> bool:
    return _property(shape, "hidden") in {"1", "true"}


def _property(shape: BaseShape, name: str) -> str:
    """One of the properties that all kinds of shapes have; the shape's own ones come first in it."""
    properties = next(shape._element.iter(_PROPERTIES), None)
    return "" if properties is None else properties.get(name, "")


def _is_frame(shape: BaseShape) -> bool:
    """Whether a shape is the title, which is read for itself, or a footer, a date or a slide number."""
    from pptx.enum.shapes import PP_PLACEHOLDER as KINDS

    if not shape.is_placeholder:
        return False
    frame = {KINDS.TITLE, KINDS.CENTER_TITLE, KINDS.VERTICAL_TITLE}
    return shape.placeholder_format.type in frame | {KINDS.FOOTER, KINDS.HEADER, KINDS.DATE, KINDS.SLIDE_NUMBER}


def _is_listed(shape: BaseShape) -> bool:
    """Whether text of a shape has bullets unless it says otherwise."""
    from pptx.enum.shapes import PP_PLACEHOLDER as KINDS

    return shape.is_placeholder and shape.placeholder_format.type in {KINDS.BODY, KINDS.OBJECT, KINDS.VERTICAL_BODY}


def _graphic(shape: BaseShape) -> Iterator[Written]:
    from pptx.shapes.graphfrm import GraphicFrame

    assert isinstance(shape, GraphicFrame)
    if shape.has_table:
        yield md.table(list(_grid(shape.table)))
    elif shape.has_chart:
        yield from _chart(shape.chart)
    else:
        yield from _diagram(shape)


def _grid(table: Table) -> Iterator[list[str]]:
    """Cells by row and column; a merged cell stands in each place that it covers."""
    above: dict[int, tuple[str, int]] = {}  # By column: text that reaches down, and how many rows further.
    for number, row in enumerate(table.rows):
        texts: list[str] = []
        across: tuple[str, int] = ("", 0)
        for at, cell in enumerate(row.cells):
            if not cell.is_spanned:
                texts.append(_flat(cell, header=number == 0))
                across = (texts[-1], cell.span_width - 1)
                above[at] = (texts[-1], cell.span_height - 1)
            elif across[1] > 0:
                texts.append(md.repeated(across[0], 2)[1])
                above[at] = (across[0], above[at - 1][1])
                across = (across[0], across[1] - 1)
            else:
                text, left = above.get(at, ("", 0))
                texts.append(md.repeated(text, 2)[1] if left > 0 else "")
                above[at] = (text, left - 1)
        yield texts


def _flat(cell: _Cell, *, header: bool) -> str:
    return flat(cell.text_frame, bold=not header)


def _chart(chart: Chart) -> Iterator[Written]:
    """The figures behind a chart, which is what somebody will ask about."""
    if chart.has_title and (title := flat(chart.chart_title.text_frame)):
        yield md.paragraph(f"**{title}**" if "*" not in title else title)
    for plot in chart.plots:
        series = list(plot.series)
        names = ["", *(escape(normalise(one.name)) for one in series)]
        rows = [
            [escape(normalise(str(label))), *(_figure(one.values, at) for one in series)]
            for at, label in enumerate(plot.categories)
        ]
        if rows:
            yield md.table([names, *rows])


def _figure(values: tuple[float | None, ...], at: int) -> str:
    value = values[at] if at < len(values) else None
    return "" if value is None else f"{value:.15g}"


def _diagram(shape: BaseShape) -> Iterator[Written]:
    """The text of a SmartArt diagram, which is kept in a part of its own."""
    from pptx.oxml import parse_xml

    names = {value for element in shape._element.iter() for value in element.attrib.values()}
    for key, relation in shape.part.rels.items():
        if key in names and relation.reltype.endswith(_DIAGRAM):
            for paragraph in parse_xml(relation.target_part.blob).iter(f"{_NS}p"):
                text = render([Run(normalise("".join(t.text or "" for t in paragraph.iter(f"{_NS}t"))))])
                if text:
                    yield md.item("-", [md.paragraph(text)])
