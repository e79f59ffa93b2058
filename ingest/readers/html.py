"""HTML pages: their content, without what surrounds it on every page of a site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from ingest import markdown_writer as md
from ingest.canonical import canonical_document, normalise
from ingest.charset import decode
from ingest.document import Document
from ingest.inline import Run, lowered, raised, render
from ingest.markdown_writer import Written
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_INVISIBLE = _names(
    "script style noscript template head iframe object embed canvas audio video svg math-annotation "
    "button input select textarea option datalist dialog menu nav"
)
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary", "menu", "dialog", "alertdialog"})
_BOILERPLATE = _names(
    "nav navbar navigation navheader navfooter menu breadcrumb breadcrumbs sidebar sphinxsidebar headerlink skip-link "
    "skiplink skip-to-content cookie-banner cookie-consent pagination footer masthead toc table-of-contents"
)
_BLOCKS = _names(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main ol p pre section summary table tbody td tfoot th thead tr "
    "ul caption"
)
_BOLD = frozenset({"b", "strong"})
_ITALIC = frozenset({"i", "em", "cite", "dfn", "var"})
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|brush)[-:]\s*([\w+#-]+)")
_COLUMNS = 200
"""Cells of a row, spans included; a page that asks for more is not a table that a person reads."""


@dataclass(frozen=True, slots=True)
class HtmlReader:
    """Headings, paragraphs, lists, tables and code of a page's main part."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "html 2"
    suffixes: frozenset[str] = frozenset({".html", ".htm", ".xhtml"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        file = SourceFile.load(path, source, self.limits)
        file.refuse_foreign()
        root = self._parse(file)
        title = root.findtext(".//title") or ""
        blocks = list(_blocks(_content(root)))
        return canonical_document(file, md.join(blocks), media_type="text/html", limits=self.limits, title=title)

    def _parse(self, file: SourceFile) -> HtmlElement:
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", decode(file, declared=True)).replace("\x00", "\ufffd")
        parser = HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True, no_network=True)
        try:
            root: HtmlElement = document_fromstring(text, parser=parser)
        except (etree.ParserError, etree.XMLSyntaxError) as error:
            raise file.unreadable(f"cannot be read as HTML ({error}): open and save it in a browser") from error
        if _depth(root) > self.limits.nesting:
            raise file.unreadable(
                f"is nested deeper than {self.limits.nesting} elements, which no page for people is: simplify it"
            )
        for node in root.iter():  # Only now, since character references may stand for anything.
            node.text, node.tail = normalise(node.text or ""), normalise(node.tail or "")
        return root


def _depth(root: HtmlElement) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _content(root: HtmlElement) -> HtmlElement:
    """The element that holds what the page is about."""
    for path in ("//main", "//*[@role='main']", "//article"):
        found = root.xpath(path)
        if len(found) == 1:
            return found[0]
    body: HtmlElement | None = root.find("body")
    content = root if body is None else body
    for element in content.xpath("./header | ./footer | ./aside | ./div/header | ./div/footer | ./div/aside"):
        if element.find(".//h1") is None:
            element.drop_tree()
    return content


def _hidden(element: HtmlElement) -> bool:
    if not isinstance(element.tag, str) or element.tag in _INVISIBLE:
        return True
    if "hidden" in element.attrib or element.get("aria-hidden") == "true" or element.get("role") in _ROLES:
        return True
    if re.search(r"display\s*:\s*none|visibility\s*:\s*hidden", element.get("style", "")):
        return True
    if element.tag == "form" and next(element.iter("p", "table", "h1", "h2", "h3", "pre"), None) is None:
        return True  # A search field and the like; but some sites wrap the whole page in a form.
    if element.tag == "a" and element.get("href", "").startswith("#"):
        return not re.search(r"\w", element.text_content()) and element.find(".//img") is None  # "¶" beside a heading.
    if element.tag in {"ul", "ol"} and _is_contents(element):
        return True
    names = f"{element.get('class', '')} {element.get('id', '')}".lower().split()
    return not _BOILERPLATE.isdisjoint(names) and element.find(".//h1") is None


def _is_contents(items: HtmlElement) -> bool:
    """Whether a list holds nothing but links to places of the same page."""
    links = list(items.iter("a"))
    if len(links) < 3 or not all(link.get("href", "").startswith("#") for link in links):
        return False
    linked = "".join(link.text_content() for link in links)
    return "".join(linked.split()) == "".join(items.text_content().split())


def _blocks(element: HtmlElement) -> Iterator[Written]:
    """The blocks inside an element; text between them becomes paragraphs."""
    loose: list[Run] = [Run(element.text or "")]
    for child in element:
        if not _hidden(child):
            if _is_block(child):
                yield md.paragraph(render(_spaced(loose)))
                loose = []
                yield from _block(child)
            else:
                loose.extend(_runs(child, Run("")))
        loose.append(Run(child.tail or ""))
    yield md.paragraph(render(_spaced(loose)))


def _is_block(element: HtmlElement) -> bool:
    return element.tag in _BLOCKS or any(
        isinstance(inner.tag, str) and inner.tag in _BLOCKS for inner in element.iterdescendants()
    )


def _block(element: HtmlElement) -> Iterator[Written]:
    tag = str(element.tag)
    if re.fullmatch("h[1-6]", tag):
        runs = (replace(run, link="", bold=False) for run in _runs(element, Run("")))
        yield md.heading(int(tag[1]), render(_spaced(runs), line_break=" "))
    elif tag == "pre":
        yield md.code(_verbatim(element), _language(element))
    elif tag in {"ul", "ol"}:
        yield from _items(element, ordered=tag == "ol")
    elif tag == "dl":
        yield from _definitions(element)
    elif tag == "table":
        yield from _table(element)
    elif tag == "blockquote":
        yield md.quote(list(_blocks(element)))
    elif tag in {"dt", "summary", "figcaption", "legend", "caption"} and not any(_is_block(c) for c in element):
        yield md.paragraph(render(_spaced(_runs(element, Run("", bold=True)))))
    else:
        yield from _blocks(element)


def _runs(element: HtmlElement, form: Run) -> Iterator[Run]:
    """The visible text inside an element with the forms that apply to it."""
    tag = str(element.tag)
    if tag == "br":
        yield Run("\v")
        return
    if tag == "img":
        if alt := " ".join(normalise(element.get("alt", "")).split()):
            yield replace(form, text=alt, image=True)
        return
    form = replace(
        form,
        bold=form.bold or tag in _BOLD,
        italic=form.italic or tag in _ITALIC,
        code=form.code or tag in _CODE,
        link=element.get("href", "") if tag == "a" and element.get("href") else form.link,
    )
    shift = {"sup": raised, "sub": lowered}.get(tag)
    for run in _inner_runs(element, form):
        yield replace(run, text=shift(run.text)) if shift else run


def _inner_runs(element: HtmlElement, form: Run) -> Iterator[Run]:
    yield replace(form, text=element.text or "")
    for child in element:
        if not _hidden(child):
            # Blocks inside inline text (a cell's paragraphs) are at least words apart.
            apart = [Run(" ")] if child.tag in _BLOCKS else []
            yield from apart
            yield from _runs(child, form)
            yield from apart
        yield replace(form, text=child.tail or "")


def _spaced(runs: Iterable[Run]) -> list[Run]:
    """Line ends of the source are blanks; those of the author (kept apart until here) are line breaks."""
    return [replace(run, text=run.text.replace("\n", " ").replace("\v", "\n")) for run in runs]


def _verbatim(element: HtmlElement) -> str:
    """The text of preformatted lines, blanks and line ends kept."""
    parts = ["\n"] if element.tag == "br" else [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag not in {"script", "style", "button"}:
            before = child.getprevious()
            if child.tag == "code" and before is not None and before.tag == "code" and not (before.tail or "").strip():
                parts.append("\n")  # Several pieces of code in one frame, of which a page shows one at a time.
            parts.append(_verbatim(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _language(element: HtmlElement) -> str:
    for node in element.iter("pre", "code"):
        if found := _LANGUAGE.search(node.get("class", "")):
            return found[1]
    return ""


def _items(element: HtmlElement, *, ordered: bool) -> Iterator[Written]:
    try:
        number = max(int(element.get("start", "1")), 0)
    except ValueError:
        number = 1
    for part in _parts(element):
        if isinstance(part, str):
            yield md.paragraph(render(_spaced([Run(part)])))
        elif part.tag == "li":
            yield md.item(f"{number}." if ordered else "-", list(_blocks(part)))
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
        if not _hidden(child):
            yield child
        if child.tail and child.tail.strip():
            yield child.tail


def _definitions(element: HtmlElement) -> Iterator[Written]:
    for part in _parts(element):
        if isinstance(part, str):
            yield md.paragraph(render(_spaced([Run(part)])))
        elif part.tag == "dd":
            yield md.item("-", list(_blocks(part)))
        elif part.tag == "div":
            yield from _definitions(part)
        else:
            yield from _block(part)


def _table(element: HtmlElement) -> Iterator[Written]:
    rows: list[HtmlElement] = []
    yield from _beside_cells(element, rows)
    grid = _grid(rows)
    if len(grid) == 1 and len(grid[0]) == 1:  # A frame around text, not a table.
        yield from _blocks(next(rows[0].iterchildren("td", "th")))
        return
    if grid and not _has_header(rows):
        grid.insert(0, [""] * len(grid[0]))
    yield md.table(grid)


def _beside_cells(element: HtmlElement, rows: list[HtmlElement]) -> Iterator[Written]:
    """The caption and what is not in any cell, as browsers show it: above the table. Adds the rows to ``rows``."""
    if element.tag == "tr":
        rows.append(element)
    for part in _parts(element):
        if isinstance(part, str):
            yield md.paragraph(render(_spaced([Run(part)])))
        elif part.tag in {"thead", "tbody", "tfoot", "tr", "colgroup"}:
            yield from _beside_cells(part, rows)
        elif element.tag != "tr" or part.tag not in {"td", "th"}:
            yield from _block(part)


def _has_header(rows: Sequence[HtmlElement]) -> bool:
    """Whether the first row names the columns: in a table with row headers only, nothing does."""
    first = [cell.tag for cell in rows[0].iterchildren("td", "th")]
    names_rows = any(row.find("th") is not None for row in rows)
    return rows[0].getparent().tag == "thead" or all(tag == "th" for tag in first) or not names_rows


def _grid(rows: Sequence[HtmlElement]) -> list[list[str]]:
    """Cells by row and column; a cell that spans several stands in each of them."""
    grid: list[list[str]] = []
    below: dict[int, tuple[str, int]] = {}  # By column: text that reaches down, and how many rows further.
    for row in rows:
        cells: list[str] = []
        for cell in [*row.iterchildren("td", "th"), None]:
            while len(cells) in below:
                text, left = below.pop(len(cells))
                if left > 1:
                    below[len(cells)] = (text, left - 1)
                cells.append(text)
            if cell is None or len(cells) >= _COLUMNS:
                continue
            text = render(_spaced(_runs(cell, Run(""))), line_break=" ")
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            for _ in range(across):
                if down > 1:
                    below[len(cells)] = (text, down - 1)
                cells.append(text)
        grid.append(cells)
    return grid


def _span(cell: HtmlElement, name: str) -> int:
    try:
        return min(max(int(cell.get(name, "1")), 1), _COLUMNS)
    except ValueError:
        return 1
