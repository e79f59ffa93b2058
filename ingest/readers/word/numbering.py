"""The numbers and bullets that Word computes and the text of a document does not hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml.etree import _Element as Element

from ingest.readers.word.names import VALUE, w
from ingest.readers.word.styles import Styles

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
          (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """What stands before a numbered paragraph; ``text`` is empty for a bullet. ``depth`` counts from 0."""

    text: str
    depth: int


@dataclass(frozen=True, slots=True)
class _Level:
    form: str
    pattern: str
    start: int


class Numbering:
    """Counts through the numbered paragraphs of a document in their order."""

    def __init__(self, numbering: Element | None, styles: Styles) -> None:
        """``numbering`` is the root of the numbering part, None for a document without one."""
        self._styles = styles
        self._abstract: dict[str, Element] = {}
        self._numbers: dict[str, Element] = {}
        if numbering is not None:
            self._abstract = {a.get(w("abstractNumId"), ""): a for a in numbering.iter(w("abstractNum"))}
            self._numbers = {n.get(w("numId"), ""): n for n in numbering.iter(w("num"))}
        self._counters: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()

    def next_label(self, paragraph: Element) -> Label | None:
        """Count this paragraph and give what stands before it; None for one that is not numbered."""
        number, depth = self._properties(paragraph)
        if number is None:
            return None
        level = self._level(number, depth)
        if level is None:
            return None
        counters = self._counters.setdefault(self._abstract_id(number), {})
        instance = (number.get(w("numId"), ""), depth)
        if instance not in self._begun:
            self._begun.add(instance)
            override = self._override(number, depth, "startOverride")
            if override is not None:
                counters[depth] = int(override.get(VALUE, "1")) - 1
        counters[depth] = counters.get(depth, level.start - 1) + 1
        for deeper in [key for key in counters if key > depth]:
            del counters[deeper]
        if level.form == "bullet":
            return Label("", depth)
        return Label(self._text(number, level, counters, depth), depth)

    def _text(self, number: Element, level: _Level, counters: dict[int, int], depth: int) -> str:
        def filled(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            outer = self._level(number, at)
            if outer is None:
                return ""
            return _formatted(counters.get(at, outer.start), "decimal" if at < depth and not outer.form else outer.form)

        return re.sub(r"%([1-9])", filled, level.pattern).strip()

    def _properties(self, paragraph: Element) -> tuple[Element | None, int]:
        """The numbering instance and the level that hold for a paragraph."""
        own = paragraph.find(f"{w('pPr')}/{w('numPr')}")
        inherited = (style.find(f"{w('pPr')}/{w('numPr')}") for style in self._styles.of_paragraph(paragraph))
        number_id: str | None = None
        depth: int | None = None
        for properties in (own, *inherited):
            if properties is None:
                continue
            number, level = properties.find(w("numId")), properties.find(w("ilvl"))
            if number_id is None and number is not None:
                number_id = number.get(VALUE)
            if depth is None and level is not None:
                depth = int(level.get(VALUE, "0"))
        return self._numbers.get(number_id or ""), depth or 0

    def _abstract_id(self, number: Element) -> str:
        found = number.find(w("abstractNumId"))
        return "" if found is None else str(found.get(VALUE))

    def _level(self, number: Element, depth: int) -> _Level | None:
        element = self._override(number, depth, "lvl")
        if element is None:
            element = self._abstract_level(self._abstract.get(self._abstract_id(number)), depth)
        if element is None:
            return None
        form, pattern, start = (element.find(w(name)) for name in ("numFmt", "lvlText", "start"))
        return _Level(
            "decimal" if form is None else form.get(VALUE, "decimal"),
            "" if pattern is None else pattern.get(VALUE, ""),
            1 if start is None else int(start.get(VALUE, "1")),
        )

    def _abstract_level(self, abstract: Element | None, depth: int) -> Element | None:
        if abstract is None:
            return None
        link = abstract.find(w("numStyleLink"))
        if link is not None:
            properties = self._styles.numbering_of(link.get(VALUE))
            number = None if properties is None else properties.find(w("numId"))
            linked = None if number is None else self._numbers.get(number.get(VALUE, ""))
            target = None if linked is None else self._abstract.get(self._abstract_id(linked))
            abstract = abstract if target is None or target.find(w("numStyleLink")) is not None else target
        return next((lvl for lvl in abstract.findall(w("lvl")) if lvl.get(w("ilvl")) == str(depth)), None)

    @staticmethod
    def _override(number: Element, depth: int, name: str) -> Element | None:
        for override in number.findall(w("lvlOverride")):
            if override.get(w("ilvl")) == str(depth):
                return override.find(w(name))
        return None


def _formatted(value: int, form: str) -> str:
    if form in {"lowerLetter", "upperLetter"} and value > 0:
        letters = chr(ord("a") + (value - 1) % 26) * ((value - 1) // 26 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in {"lowerRoman", "upperRoman"} and 0 < value < 4000:
        numerals = ""
        for unit, numeral in _ROMAN:
            numerals += numeral * (value // unit)
            value %= unit
        return numerals.upper() if form == "upperRoman" else numerals
    if form == "decimalZero":
        return f"{value:02}"
    return "" if form in {"none", "bullet"} else str(value)
