"""The blocks of AsciiDoc as Markdown, line by line."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from ingest import markdown_writer as md
from ingest.markdown_writer import Written
from ingest.readers.asciidoc.inline import markdown, resolved
from ingest.readers.asciidoc.tables import Excess, rows_of

_HEADING = re.compile(r"(={1,6}|#{1,6})\s+(\S.*?)(?:\s+\1)?$")
_ATTRIBUTE = re.compile(r":(!?[\w-]+)(!?):(?:\s+(.*))?$")
_ATTRIBUTE_LIST = re.compile(r"\[(?!\[)([^\]]*(?:\"[^\"]*\"[^\]]*)*)\]$")
_ITEM = re.compile(r"\s*(?:(\*{1,5}|-)|(\.{1,5})|(\d{1,9})\.|<(\d{1,3}|\.)>)\s+(\S.*)$")
_TERM = re.compile(r"\s*(\S.*?)(:{2,4}|;;)(?:\s+(\S.*))?$")
_ADMONITION = re.compile(r"(NOTE|TIP|IMPORTANT|CAUTION|WARNING)(?::\s+|$)")
_PICTURE = re.compile(r"(?:image|video|audio)::([^\[\s]*)\[([^\]]*)\]$")
_DIRECTIVE = re.compile(r"(?:include|ifdef|ifndef|ifeval|endif|toc)::|(?:'''|<<<|\[\[.*\]\])$|//(?!/)")
_FENCE = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|```\w*|[|,:!]={3,})$")
_NAMED = re.compile(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|([^,\]]*))")


@dataclass(slots=True)
class _Level:
    """A list that is open: what marks its items, the last one's number, and how far their text is indented."""

    marker: str
    number: int
    width: int = 0


@dataclass(slots=True)
class BlockReader:
    """Reads lines from top to bottom; ``attributes`` are what the document defines on the way."""

    nesting: int
    attributes: dict[str, str] = field(default_factory=dict)

    def blocks(self, lines: Sequence[str], depth: int = 0) -> Iterator[Written]:
        """The blocks of ``lines``. Raises `Excess`."""
        if depth > self.nesting:
            raise self._too_deep()
        at = 0
        style: dict[str, str] = {}
        while at < len(lines):
            line = lines[at].rstrip()
            if not line.strip() or self._defines(line) or _DIRECTIVE.match(line):
                at += 1
            elif found := _ATTRIBUTE_LIST.match(line):
                style |= _style_of(found[1])
                at += 1
            elif re.match(r"\.[^\s.]", line):
                yield md.paragraph(self._bold(line[1:]))
                at += 1
            elif heading := _HEADING.match(line):
                yield md.heading(len(heading[1]), self._inline(heading[2], bold=False))
                at, style = at + 1, {}
            elif _FENCE.match(line):
                end = _closing(lines, at)
                yield from self._delimited(line, lines[at + 1 : end], style, depth)
                at, style = end + 1, {}
            elif _ITEM.match(line) or _is_term(line):
                at = yield from self._list(lines, at, depth)
                style = {}
            else:
                end = _paragraph_end(lines, at)
                yield from self._paragraph(
                    [text.rstrip() for text in lines[at:end] if not _DIRECTIVE.match(text)], style
                )
                at, style = end, {}

    def _too_deep(self) -> Excess:
        return Excess(f"is nested deeper than {self.nesting} blocks, which no text for people is: simplify it")

    def _defines(self, line: str) -> bool:
        found = _ATTRIBUTE.match(line)
        if found and found[1][0] != "!" and not found[2]:
            value = resolved(found[3] or "", self.attributes)
            self.attributes[found[1].lower()] = value[:1_000]  # What stands for itself many times over grows otherwise.
        return found is not None

    def _inline(self, text: str, *, line_break: str = "  \n", bold: bool = True) -> str:
        return markdown(text, self.attributes, line_break=line_break, bold=bold)

    def _bold(self, text: str) -> str:
        inline = self._inline(text, line_break=" ", bold=False)
        return f"**{inline}**" if inline and "*" not in inline else inline

    def _paragraph(self, lines: Sequence[str], style: dict[str, str]) -> Iterator[Written]:
        kind = style.get("1", "")
        if (lines[0][0] in " \t" and not kind) or kind in {"source", "listing", "literal"}:
            yield md.code("\n".join(lines), style.get("2", "") if kind == "source" else "")
            return
        if picture := _PICTURE.match(lines[0]):
            alt = picture[2].partition(",")[0].strip('"')
            yield md.paragraph(self._inline(f"image:x[{alt}]"))
            return
        text = "\n".join(line.strip() for line in lines)
        if note := _ADMONITION.match(text):
            yield md.paragraph(f"**{note[1].capitalize()}**")
            text = text[note.end() :]
        elif _ADMONITION.fullmatch(kind):
            yield md.paragraph(f"**{kind.capitalize()}**")
        written = md.paragraph(self._inline(text))
        yield md.quote([written]) if kind in {"quote", "verse"} else written

    def _delimited(self, fence: str, lines: Sequence[str], style: dict[str, str], depth: int) -> Iterator[Written]:
        kind = style.get("1", "")
        if fence[0] in "-.`" and fence != "--":
            language = fence[3:] if fence[0] == "`" else style.get("2", "") if kind in {"source", ""} else ""
            shown = (re.sub(r"\s*(?://|#|;;)?\s*<(?:\d+|\.)>$", "", line.rstrip()) for line in lines)
            yield md.code("\n".join(shown), language)
        elif fence[0] == "|" or fence[0] == "!":
            yield self._table(lines, style)
        elif fence[0] in ",:":
            yield md.code("\n".join(lines))
        elif fence[0] not in "/+":
            if _ADMONITION.fullmatch(kind):
                yield md.paragraph(f"**{kind.capitalize()}**")
            inner = list(self.blocks(lines, depth + 1))
            yield from [md.quote(inner)] if fence[0] == "_" else inner

    def _table(self, lines: Sequence[str], style: dict[str, str]) -> Written:
        rows, header = rows_of(lines, style)
        cells = [
            [self._inline(cell.text, line_break=" ", bold=bool(number) or not header) for cell in row]
            for number, row in enumerate(rows)
        ]
        if cells and not header:
            cells.insert(0, [""] * len(cells[0]))
        return md.table(cells)

    def _list(self, lines: Sequence[str], at: int, depth: int) -> Generator[Written, None, int]:
        """Items and what is attached to them; the line after the last one is returned."""
        levels: list[_Level] = []
        while at < len(lines):
            line = lines[at].rstrip()
            item = _ITEM.match(line)
            term = None if item else _is_term(line)
            if item is None and term is None:
                break
            end, parts = self._item_parts(lines, at, item[5] if item else (term[3] or "" if term else ""), depth)
            if term:
                yield md.paragraph(self._bold(term[1]))
                yield md.item("-", parts)
                levels.clear()
            elif item:
                marker = item[1] or item[2] or ("1" if item[3] else "<")
                depths = [level.marker for level in levels]
                del levels[depths.index(marker) + 1 if marker in depths else len(levels) :]
                if marker not in depths:
                    levels.append(_Level(marker, int(item[3] or 1) - 1))
                if len(levels) > self.nesting:
                    raise self._too_deep()
                levels[-1].number += 1
                shown = "-" if item[1] else f"{levels[-1].number}."
                levels[-1].width = len(shown) + 1
                indent = " " * sum(level.width for level in levels[:-1])
                text = md.item(shown, parts).text
                yield Written("\n".join(indent + part if part else part for part in text.split("\n")), item=True)
            at = end
        return at

    def _item_parts(self, lines: Sequence[str], at: int, first: str, depth: int) -> tuple[int, list[Written]]:
        """The blocks of the item at ``at`` and the line after it: its own lines, and blocks joined by a ``+``."""
        own, at = [first], at + 1
        while at < len(lines) and _continues(lines[at]):
            own.append(lines[at].strip())
            at += 1
        parts = [md.paragraph(self._inline("\n".join(own)))]
        while at < len(lines):
            if lines[at].strip() == "+":
                start = at + 1
                at = start
                while at < len(lines) and (_ATTRIBUTE_LIST.match(lines[at]) or re.match(r"\.[^\s.]", lines[at])):
                    at += 1
                if at < len(lines):
                    fenced = _FENCE.match(lines[at].rstrip())
                    at = _closing(lines, at) + 1 if fenced else _paragraph_end(lines, at, listed=True)
                parts.extend(self.blocks(lines[start:at], depth + 1))
            elif not lines[at].strip() and _next_is_item(lines, at):
                at += 1
            else:
                break
        return at, parts


def _style_of(text: str) -> dict[str, str]:
    """Attributes of a block by name, or by place: "source,python" or "%header,cols=2*"."""
    style = {found[1]: found[2] if found[2] is not None else found[3].strip() for found in _NAMED.finditer(text)}
    places = [part.strip() for part in _NAMED.sub("", text).split(",")]
    kind, *options = places[0].split("%")
    style["%"] = ",".join(options)
    if kind := re.split(r"[#.]", kind)[0]:
        style["1"] = kind
    if len(places) > 1 and places[1]:
        style["2"] = places[1]
    return style


def _is_term(line: str) -> re.Match[str] | None:
    found = _TERM.match(line)
    return None if found is None or re.match(r"\w+::\S*\[", line.strip()) else found


def _closing(lines: Sequence[str], at: int) -> int:
    """The line that ends the block that begins at ``at``; the number of lines where nothing does."""
    fence = lines[at].rstrip()
    end = "```" if fence.startswith("```") else fence
    return next((number for number in range(at + 1, len(lines)) if lines[number].rstrip() == end), len(lines))


def _begins_block(line: str) -> bool:
    return bool(_FENCE.match(line.rstrip()) or _ATTRIBUTE_LIST.match(line.rstrip()) or line.strip() == "+")


def _paragraph_end(lines: Sequence[str], at: int, *, listed: bool = False) -> int:
    """The line after a paragraph; in a list (``listed``) the next item ends it too."""
    end = at + 1
    while end < len(lines) and lines[end].strip() and not _begins_block(lines[end]):
        if listed and (_ITEM.match(lines[end]) or _is_term(lines[end])):
            break
        end += 1
    return end


def _continues(line: str) -> bool:
    """Whether a line below an item's first is still of its first paragraph."""
    return bool(line.strip()) and not (
        _begins_block(line) or _ITEM.match(line) or _is_term(line) or _DIRECTIVE.match(line)
    )


def _next_is_item(lines: Sequence[str], at: int) -> bool:
    following = next((line for line in lines[at:] if line.strip()), "")
    return bool(_ITEM.match(following) or _is_term(following))
