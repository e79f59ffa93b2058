"""The text inside elements, with its forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from lxml.html import HtmlElement

from ingest.canonical import normalise
from ingest.inline import Run, lowered, raised, render
from ingest.readers.html.content import hidden, names

BLOCKS = names(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main ol p pre section summary table tbody td tfoot th "
    "thead tr ul caption"
)
"""Elements that begin on a line of their own."""

_BOLD = frozenset({"b", "strong"})
_ITALIC = frozenset({"i", "em", "cite", "dfn", "var"})
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|brush)[-:]\s*([\w+#-]+)")

_LINE_BREAK = "\v"  # No text holds one any more.
_LINE_END = re.compile(f"[\n{_LINE_BREAK}]")
_PLAIN = Run("")


def inline(runs: Iterable[Run], *, line_break: str = "  \n") -> str:
    """Markdown of runs. Line ends of the source are blanks; those of the author are line breaks."""
    spaced = (
        run.saying(run.text.replace("\n", " ").replace(_LINE_BREAK, "\n")) if _LINE_END.search(run.text) else run
        for run in runs
    )
    return render(spaced, line_break=line_break)


def runs_of(element: HtmlElement, form: Run = _PLAIN) -> Iterator[Run]:
    """The visible text inside an element with the forms that apply to it."""
    tag = str(element.tag)
    if tag == "br":
        yield Run(_LINE_BREAK)
        return
    if tag == "img":
        if alt := " ".join(normalise(element.get("alt", "")).split()):
            yield replace(form, text=alt, image=True)
        return
    if tag in _BOLD:
        form = replace(form, bold=True)
    elif tag in _ITALIC:
        form = replace(form, italic=True)
    elif tag in _CODE:
        form = replace(form, code=True)
    elif tag == "a" and (target := element.get("href")):
        form = replace(form, link=target)
    shift = {"sup": raised, "sub": lowered}.get(tag)
    for run in _inner_runs(element, form):
        yield run.saying(shift(run.text)) if shift else run


def _inner_runs(element: HtmlElement, form: Run) -> Iterator[Run]:
    yield form.saying(element.text or "")
    for child in element:
        if not hidden(child):
            # Blocks inside inline text (a cell's paragraphs) are at least words apart.
            apart = [Run(" ")] if child.tag in BLOCKS else []
            yield from apart
            yield from runs_of(child, form)
            yield from apart
        yield form.saying(child.tail or "")


def verbatim(element: HtmlElement) -> str:
    """The text of preformatted lines, blanks and line ends kept."""
    parts = ["\n"] if element.tag == "br" else [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag not in {"script", "style", "button"}:
            before = child.getprevious()
            if child.tag == "code" and before is not None and before.tag == "code" and not (before.tail or "").strip():
                parts.append("\n")  # Several pieces of code in one frame, of which a page shows one at a time.
            parts.append(verbatim(child))
        parts.append(child.tail or "")
    return "".join(parts)


def language_of(element: HtmlElement) -> str:
    """The language that the frame of some code names in its class, as highlighters have it; empty without one."""
    for node in element.iter("pre", "code"):
        if found := _LANGUAGE.search(node.get("class", "")):
            return found[1]
    return ""
