"""The text of a Word paragraph, with its forms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lxml.etree import _Element as Element

from ingest.inline import Run, lowered, raised
from ingest.readers.word.names import ALTERNATIVES, CHOICE, MATH, PICTURE, RELATION, w
from ingest.readers.word.styles import Styles

_TRANSPARENT = frozenset(
    w(name) for name in ("ins", "moveTo", "smartTag", "customXml", "sdt", "sdtContent", "fldSimple", "dir", "bdo")
)
_LINK_FIELD = re.compile(r'\s*HYPERLINK\s+"([^"]+)"')
_SHIFTS = {"superscript": raised, "subscript": lowered}
_BREAKS = {w("tab"): "\t", w("ptab"): "\t", w("cr"): "\n", w("noBreakHyphen"): "-"}


@dataclass(slots=True)
class _Field:
    """A field of which the code, then the result, is being read (page numbers, links, references)."""

    code: str = ""
    link: str = ""


@dataclass(slots=True)
class TextReader:
    """Gives runs and keeps the notes that they refer to.

    ``targets`` are the external link targets by relation; ``notes`` collects, in order, the footnotes and endnotes
    that were referred to.
    """

    styles: Styles
    targets: Mapping[str, str]
    notes: list[str] = field(default_factory=list)

    def runs(self, paragraph: Element) -> list[Run]:
        """The text as it stands: insertions accepted, deletions and hidden text left out."""
        return list(self._inside(paragraph, "", []))

    def _inside(self, parent: Element, link: str, fields: list[_Field]) -> Iterator[Run]:
        for child in parent:
            if child.tag == w("r"):
                yield from self._run(child, link, fields)
            elif child.tag == w("hyperlink"):
                anchor = child.get(w("anchor"))
                target = self.targets.get(child.get(RELATION, ""), "") or (f"#{anchor}" if anchor else "")
                yield from self._inside(child, target or link, fields)
            elif child.tag in _TRANSPARENT:
                yield from self._inside(child, link, fields)
            elif isinstance(child.tag, str) and child.tag.startswith(MATH):
                yield Run("".join(text.text or "" for text in child.iter(f"{MATH}t")))

    def _run(self, run: Element, link: str, fields: list[_Field]) -> Iterator[Run]:
        if self.styles.run_is(run, "vanish"):
            return
        form = Run(
            "",
            bold=self.styles.run_is(run, "b"),
            italic=self.styles.run_is(run, "i"),
            code=self.styles.run_is_code(run),
        )
        shift = _SHIFTS.get(self.styles.vertical_position(run))
        for child in run:
            _follow_field(child, fields)
            target = link or next((inner.link for inner in reversed(fields) if inner.link), "")
            if child.tag == ALTERNATIVES:
                choice = child.find(CHOICE)
                for picture in [] if choice is None else choice.iter(PICTURE):
                    yield from _picture(picture)
            elif child.tag in {w("drawing"), w("pict"), w("object")}:
                for picture in child.iter(PICTURE):
                    yield from _picture(picture)
            elif text := self._characters(child):
                yield replace(form, text=shift(text) if shift else text, link=target)

    def _characters(self, element: Element) -> str:
        if element.tag == w("t"):
            return element.text or ""
        if element.tag == w("br"):
            return "\n" if element.get(w("type"), "textWrapping") == "textWrapping" else " "
        if element.tag == w("sym"):
            code = int(element.get(w("char"), "0"), 16)
            return chr(code) if 0x20 <= code < 0xD800 else ""  # Above are signs of one font alone.
        if element.tag in {w("footnoteReference"), w("endnoteReference")}:
            key = element.tag.removeprefix(w("")).removesuffix("Reference") + element.get(w("id"), "")
            if key not in self.notes:
                self.notes.append(key)
            return f"[^{self.notes.index(key) + 1}]"
        return _BREAKS.get(element.tag, "")


def _follow_field(element: Element, fields: list[_Field]) -> None:
    if element.tag == w("instrText") and fields:
        fields[-1].code += element.text or ""
    if element.tag != w("fldChar"):
        return
    kind = element.get(w("fldCharType"))
    if kind == "begin":
        fields.append(_Field())
    elif kind == "separate" and fields:
        found = _LINK_FIELD.match(fields[-1].code)
        fields[-1].link = found[1] if found else ""
    elif kind == "end" and fields:
        fields.pop()


def _picture(element: Element) -> Iterator[Run]:
    if alt := " ".join((element.get("descr") or "").split()):
        yield Run(alt, image=True)
