"""Markdown without its marks: what a model of meaning should read.

Word pieces of pipes, dashes, asterisks and link targets say nothing, and take the room of words that do.
"""

from __future__ import annotations

import re

_LINK = re.compile(r"!?\[((?:[^\[\]\\]|\\.)*)\]\((?:<[^<>\n]*>|[^()\s]*)\)")
_DELIMITER_ROW = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*(?:\n|$)", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n]*(?:\n|$)", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|[ \t]*(.*?)[ \t]*\|?[ \t]*$", re.MULTILINE)
_BORDER = re.compile(r"[ \t]*(?<!\\)\|[ \t]*")
# Asterisks and backticks that touch something; "2 * 3" keeps its sign.
_MARKS = re.compile(r"(?<!\\)(?:[*`]+(?=\S)|(?<=\S)[*`]+)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")


def without_links(markdown: str) -> str:
    """The text of links and images in their place; their targets are left out."""
    return _LINK.sub(r"\1", markdown)


def plain_text(markdown: str) -> str:
    """Words, numbers and punctuation of ``markdown``, line by line; the cells of a row are parted by commas."""
    text = _HEADING.sub("", _FENCE.sub("", _DELIMITER_ROW.sub("", without_links(markdown))))
    text = _ROW.sub(lambda row: _BORDER.sub(", ", row[1]), text)
    text = _ESCAPE.sub(r"\1", _MARKS.sub("", text))
    return _BLANK_LINES.sub("\n", text).strip()
