"""What a document's fonts look like, by their names and by the widths of their letters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_BOLD = re.compile(r"bold|black|heavy|demi|medi(?:um)?$|[-,]bd\b|^CMB", re.IGNORECASE)
_ITALIC = re.compile(r"italic|oblique|slanted|[-,]it\b|ital$|^CM(?:TI|SL)", re.IGNORECASE)
_MONOSPACED = re.compile(r"courier|mono|consol|menlo|typewriter|cmtt|\bcode|fixed|lettergothic", re.IGNORECASE)
_NARROW, _WIDE = frozenset("ijltfI"), frozenset("mwMW")


@dataclass(slots=True, eq=False)
class Face:
    """A font of a document. ``widths`` (ems) of its letters are gathered while pages are read; ask afterwards."""

    bold: bool
    italic: bool
    named_mono: bool
    widths: dict[str, float] = field(default_factory=dict)

    @property
    def mono(self) -> bool:
        """Whether it is a typewriter's: by name, or since narrow letters are as wide as wide ones."""
        if self.named_mono:
            return True
        if _NARROW.isdisjoint(self.widths) or _WIDE.isdisjoint(self.widths):
            return False
        return max(self.widths.values()) - min(self.widths.values()) < 0.02


class Faces:
    """The fonts of one document by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Face] = {}

    def __getitem__(self, font: str) -> Face:
        """The face of a font; what stands before a plus sign in its name is only the name of a subset."""
        name = font.rsplit("+", 1)[-1]
        if name not in self._by_name:
            bold, italic, mono = (pattern.search(name) is not None for pattern in (_BOLD, _ITALIC, _MONOSPACED))
            self._by_name[name] = Face(bold, italic, mono)
        return self._by_name[name]

    def see(self, font: str, character: str, width: float) -> None:
        """Take note of how wide (ems) a character of a font is."""
        if character.isalpha() and character.isascii():
            self[font].widths.setdefault(character, width)
