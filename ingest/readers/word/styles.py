"""What the styles of a Word document say about a paragraph or a run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.etree import _Element as Element

from ingest.readers.word.names import VALUE, w

_HEADING = re.compile(r"heading ([1-9])")
_CODE = re.compile(r"\b(?:source )?code\b|\blisting\b|preformatted|verbatim|macro text")
_CONTENTS = re.compile(r"toc (?:\d|heading)|table of figures|contents \d")
_MONOSPACED = re.compile(r"courier|consol|mono|menlo|lucida console|source code|fira code|cascadia", re.IGNORECASE)
_DEEPEST = 20  # Styles that build on one another; more is a circle.


class Styles:
    """Styles by identifier, with those that they build on."""

    def __init__(self, styles: Element) -> None:
        self._by_id = {style.get(w("styleId")): style for style in styles.iter(w("style"))}
        defaults = (style for style in self._by_id.values() if style.get(w("default")) in {"1", "true"})
        self._default = next((style for style in defaults if style.get(w("type")) == "paragraph"), None)

    def heading_level(self, paragraph: Element) -> int:
        """1 to 9, or 0 for a paragraph that is no heading."""
        own = paragraph.find(f"{w('pPr')}/{w('outlineLvl')}")
        if own is not None:
            return _outline_level(own)
        for style in self.of_paragraph(paragraph):
            if found := _HEADING.fullmatch(_name(style)):
                return int(found[1])
            level = style.find(f"{w('pPr')}/{w('outlineLvl')}")
            if level is not None:
                return _outline_level(level)
        return 0

    def is_title(self, paragraph: Element) -> bool:
        """Whether it is in Word's style for the document's title."""
        return "title" in self._names(paragraph)

    def is_contents_entry(self, paragraph: Element) -> bool:
        """Whether it is a line of a generated table of contents."""
        return any(_CONTENTS.fullmatch(name) for name in self._names(paragraph))

    def is_quote(self, paragraph: Element) -> bool:
        """Whether it is in a style for quotations (also used for notes)."""
        return any(name.endswith("quote") for name in self._names(paragraph))

    def list_depth(self, paragraph: Element) -> int:
        """The number in styles like "List Bullet 2", less one."""
        found = next((re.fullmatch(r"list .*(\d)", name) for name in self._names(paragraph)), None)
        return max(int(found[1]) - 1, 0) if found else 0

    def continues_list(self, paragraph: Element) -> bool:
        """Whether it is a further paragraph of a list item."""
        return any(name.startswith("list continue") for name in self._names(paragraph))

    def is_code(self, paragraph: Element) -> bool:
        """Whether it is in a style for code, or all its text is in a typewriter face."""
        if any(_CODE.search(name) for name in self._names(paragraph)):
            return True
        runs = [run for run in paragraph.iter(w("r")) if any((text.text or "").strip() for text in run.iter(w("t")))]
        direct = [run.find(f"{w('rPr')}/{w('rFonts')}") for run in runs]
        faces = [_face(fonts) for fonts in direct if fonts is not None]
        if runs and len(faces) == len(runs):
            return all(_MONOSPACED.search(face) for face in faces)
        style = next(self.of_paragraph(paragraph), None)
        fonts = None if style is None else style.find(f"{w('rPr')}/{w('rFonts')}")
        return bool(runs and fonts is not None and _MONOSPACED.search(_face(fonts)))

    def run_is_code(self, run: Element) -> bool:
        """Whether a run is in a style for code or in a typewriter face."""
        fonts = run.find(f"{w('rPr')}/{w('rFonts')}")
        if fonts is not None:
            return bool(_MONOSPACED.search(_face(fonts)))
        for style in self._of_run(run):
            fonts = style.find(f"{w('rPr')}/{w('rFonts')}")
            if _CODE.search(_name(style)) or (fonts is not None and _MONOSPACED.search(_face(fonts))):
                return True
        return False

    def run_is(self, run: Element, toggle: str) -> bool:
        """Whether a run is bold (``b``), italic (``i``) or hidden (``vanish``)."""
        for holder in (run, *self._of_run(run)):
            switch = holder.find(f"{w('rPr')}/{w(toggle)}")
            if switch is not None:
                return switch.get(VALUE) not in {"0", "false", "off"}
        return False

    def vertical_position(self, run: Element) -> str:
        """``superscript``, ``subscript`` or something else for text on the line."""
        for holder in (run, *self._of_run(run)):
            position = holder.find(f"{w('rPr')}/{w('vertAlign')}")
            if position is not None:
                return position.get(VALUE, "")
        return ""

    def of_paragraph(self, paragraph: Element) -> Iterator[Element]:
        """The paragraph's style and, outwards, those that it builds on."""
        named = paragraph.find(f"{w('pPr')}/{w('pStyle')}")
        yield from self._chain(self._default if named is None else self._by_id.get(named.get(VALUE)))

    def numbering_of(self, style_id: str | None) -> Element | None:
        """The numbering properties of a style, or None."""
        style = self._by_id.get(style_id)
        return None if style is None else style.find(f"{w('pPr')}/{w('numPr')}")

    def _of_run(self, run: Element) -> Iterator[Element]:
        named = run.find(f"{w('rPr')}/{w('rStyle')}")
        yield from self._chain(None if named is None else self._by_id.get(named.get(VALUE)))

    def _chain(self, style: Element | None) -> Iterator[Element]:
        for _ in range(_DEEPEST):
            if style is None:
                return
            yield style
            base = style.find(w("basedOn"))
            style = None if base is None else self._by_id.get(base.get(VALUE))

    def _names(self, paragraph: Element) -> list[str]:
        return [_name(style) for style in self.of_paragraph(paragraph)]


def _name(style: Element) -> str:
    name = style.find(w("name"))
    return "" if name is None else str(name.get(VALUE, "")).casefold()


def _face(fonts: Element) -> str:
    return str(fonts.get(w("ascii")) or fonts.get(w("hAnsi")) or "")


def _outline_level(element: Element) -> int:
    level = int(element.get(VALUE, "9"))
    return level + 1 if 0 <= level < 9 else 0
