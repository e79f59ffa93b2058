"""The text of AsciiDoc paragraphs, with its forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ingest.inline import Run, lowered, raised, render

_ATTRIBUTE = re.compile(r"\\?\{([\w-]+)\}")
_SIGNS = {
    "nbsp": "\u00a0",
    "zwsp": "",
    "amp": "&",
    "lt": "<",
    "gt": ">",
    "plus": "+",
    "vbar": "|",
    "empty": "",
    "sp": " ",
}
# All lengths are bounded: marks without a partner would be looked for to the end of the text.
_INSIDE = r"(?:\S|\S.{0,1000}?\S)"

# What is tried at each place, in this order; a mark begins and ends at the edge of a word unless it is doubled.
_TOKEN = re.compile(
    r"""
      \\(?P<escaped>[*_`^~\#<{\[+])
    | \[\[[^\]\n]{0,200}\]\] | \(\(\([^()]{0,200}\)\)\)                   # places and index terms, which are not text
    | (?:anchor|indexterm2?):[^\[\s]{0,200}\[[^\]]{0,200}\]
    | \+\+\+.{0,1000}?\+\+\+ | pass:\w{0,20}\[(?P<passed>[^\]]{0,1000})\]
    | ``(?P<code2>.{1,1000}?)`` | (?<!\w)`(?P<code>\+?INSIDE\+?)`(?!\w) | (?<!\w)\+(?P<mono>INSIDE)\+(?!\w)
    | \*\*(?P<bold2>.{1,1000}?)\*\* | (?<!\w)\*(?P<bold>INSIDE)\*(?!\w)
    | __(?P<italic2>.{1,1000}?)__ | (?<!\w)_(?P<italic>INSIDE)_(?!\w)
    | (?:\[[\w.\s-]{1,100}\])?\#\#(?P<mark2>.{1,1000}?)\#\#
    | (?<!\w)(?:\[[\w.\s-]{1,100}\])?\#(?P<mark>INSIDE)\#(?!\w)
    | \^(?P<up>\S{1,100}?)\^ | ~(?P<down>\S{1,100}?)~
    | <<(?P<to>[^,<>\n]{1,200})(?:,(?P<title>[^<>]{1,1000}))?>>
    | (?P<macro>link|mailto|xref|image|kbd|btn|menu|footnote|icon|stem):
      (?P<target>[^\s:\[][^\s\[]{0,2000})?\[(?P<label>(?:\\\]|[^\]]){0,2000})\]
    | (?P<url>(?:https?|ftp|mailto):[^\s<>\[\]]{0,2000}[^\s<>\[\].,;:!?)])(?:\[(?P<name>(?:\\\]|[^\]]){0,2000})\])?
    """.replace("INSIDE", _INSIDE),
    re.VERBOSE | re.DOTALL,
)
_FORMS = ("code2", "code", "mono", "bold2", "bold", "italic2", "italic", "mark2", "mark")


def markdown(text: str, attributes: Mapping[str, str], *, line_break: str = "  \n", bold: bool = True) -> str:
    """Markdown of inline AsciiDoc; without ``bold``, that form is dropped (headings, header cells)."""
    with_breaks = re.sub(r" \+(\n|$)", "\v", resolved(text, attributes)).replace("\n", " ").replace("\v", "\n")
    found = _runs(with_breaks, Run(""))
    return render((run if bold else replace(run, bold=False) for run in found), line_break=line_break)


def resolved(text: str, attributes: Mapping[str, str]) -> str:
    """``text`` with what its attributes stand for; those that it does not define stay as they are written."""

    def value(found: re.Match[str]) -> str:
        name = found[1].lower()
        return found[0][1:] if found[0][0] == "\\" else attributes.get(name, _SIGNS.get(name, found[0]))

    return _ATTRIBUTE.sub(value, text)


def _runs(text: str, form: Run) -> Iterator[Run]:
    at = 0
    for found in _TOKEN.finditer(text):
        yield replace(form, text=text[at : found.start()])
        yield from _token(found, form)
        at = found.end()
    yield replace(form, text=text[at:])


def _token(found: re.Match[str], form: Run) -> Iterable[Run]:
    kind, groups = found.lastgroup or "", found.groupdict()
    inner = next((groups[name] for name in _FORMS if groups[name] is not None), None)
    if inner is not None:
        name = next(name for name in _FORMS if groups[name] is not None)
        if name.startswith(("code", "mono")):
            return [
                replace(form, text=inner.removeprefix("+").removesuffix("+") if len(inner) > 2 else inner, code=True)
            ]
        return _runs(
            inner, replace(form, bold=form.bold or name[:4] == "bold", italic=form.italic or name[:6] == "italic")
        )
    if groups["up"] or groups["down"]:
        return [replace(form, text=raised(groups["up"]) if groups["up"] else lowered(groups["down"]))]
    if groups["to"]:
        return [replace(form, text=groups["title"] or groups["to"].lstrip("#"))]
    if groups["url"]:
        label = (groups["name"] or "").removesuffix("^").replace("\\]", "]")
        return [replace(form, text=label or groups["url"], link=groups["url"])]
    if groups["macro"]:
        return _macro(groups["macro"], groups["target"] or "", (groups["label"] or "").replace("\\]", "]"), form)
    return [replace(form, text=groups["escaped"] or groups["passed"] or "")] if kind else []


def _macro(name: str, target: str, label: str, form: Run) -> list[Run]:
    first = label.partition(",")[0].strip('"').removesuffix("^")
    if name == "image":
        return [replace(form, text=first, image=True)] if first else []
    if name == "footnote":
        return [replace(form, text=f" ({label})")]
    if name == "icon":
        return []
    if name in {"link", "mailto"}:
        address = f"mailto:{target}" if name == "mailto" else target
        return [replace(form, text=first or target, link=address)]
    if name == "menu":
        return [replace(form, text=" > ".join(part for part in (target, *re.split(r"\s*>\s*", label)) if part))]
    return [replace(form, text=label or target.lstrip("#"), code=form.code or name in {"kbd", "stem"})]
