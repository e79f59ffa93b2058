"""Names of WordprocessingML elements and attributes."""

from __future__ import annotations

_MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def w(name: str) -> str:
    """The qualified name of ``name`` in the main namespace."""
    return f"{{{_MAIN}}}{name}"


VALUE = w("val")
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
CHOICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Choice"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
