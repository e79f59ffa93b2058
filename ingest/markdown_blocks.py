"""The blocks of a Markdown text, by line, as a tree: what may be cut where, and what the headings are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token


class Kind(Enum):
    """What a block is."""

    HEADING = auto()
    PARAGRAPH = auto()
    LIST = auto()
    ITEM = auto()
    TABLE = auto()
    ROW = auto()
    CODE = auto()
    QUOTE = auto()
    OTHER = auto()


@dataclass(slots=True)
class Block:
    """Lines of a text: code points ``start`` to ``end``, without the last line's end.

    ``children`` are the blocks inside lists, quotes and tables (a table's first row is its header); ``level`` and
    ``heading`` (Markdown) are set for headings only. Once a text is parsed nobody changes its blocks.
    """

    kind: Kind
    start: int
    end: int
    level: int = 0
    heading: str = ""
    children: list[Block] = field(default_factory=list)


_KINDS = {
    "heading_open": Kind.HEADING,
    "paragraph_open": Kind.PARAGRAPH,
    "bullet_list_open": Kind.LIST,
    "ordered_list_open": Kind.LIST,
    "list_item_open": Kind.ITEM,
    "fence": Kind.CODE,
    "code_block": Kind.CODE,
    "blockquote_open": Kind.QUOTE,
    "html_block": Kind.OTHER,
    "hr": Kind.OTHER,
}


_LINE_END = re.compile("\n")
_TABLE_RULE = re.compile(r"[\s>]*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_ROW_PREFIX = re.compile(r"^[\s>]*(?:(?:[-*+]|\d{1,9}[.)])\s+)?[\s>]*\|?")
_PIPE = re.compile(r"(?<!\\)\|")


@cache
def _parser(*, inline: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    if not inline:
        parser.core.ruler.disable("inline")  # Most of the time of a parse, and the blocks do not need it.
    return parser


@lru_cache(maxsize=1)
def parse_blocks(text: str) -> tuple[Block, ...]:
    """The outermost blocks of ``text`` in order. Lines that belong to no block (blank, link targets) are in none.

    Those of the last text are kept: a document's sections and then its passages are made of them.
    """
    starts = _line_starts(text)
    top: list[Block] = []
    open_blocks: list[Block | None] = []
    for token in _parser(inline=False).parse(text):
        if token.type == "inline":
            if open_blocks and (block := open_blocks[-1]) is not None and block.kind is Kind.HEADING:
                block.heading = token.content
            continue
        if token.nesting < 0:
            open_blocks.pop()
            continue
        block = _block(token, starts, len(text))
        if block is not None:
            parent = next((outer for outer in reversed(open_blocks) if outer is not None), None)
            parts = _with_tables(block, text) if block.kind is Kind.PARAGRAPH else [block]
            (top if parent is None else parent.children).extend(parts)
        if token.nesting > 0:
            open_blocks.append(block)
    return tuple(top)


def _with_tables(paragraph: Block, text: str) -> list[Block]:
    """The paragraph, or a table in its place, with the lines before it as a paragraph of their own.

    Tables are found here and not by the parser, which would make eight objects of every row.
    """
    if text.find("|", paragraph.start, paragraph.end) < 0:
        return [paragraph]
    starts = [paragraph.start]
    starts.extend(found.end() for found in _LINE_END.finditer(text, paragraph.start, paragraph.end))
    ends = [*(start - 1 for start in starts[1:]), paragraph.end]
    for at in range(1, len(starts)):
        rule, header = text[starts[at] : ends[at]], text[starts[at - 1] : ends[at - 1]]
        if _TABLE_RULE.fullmatch(rule) and "|" in rule + header and _shape(rule) == _shape(header):
            table = Block(Kind.TABLE, starts[at - 1], paragraph.end)
            rows = [at - 1, *range(at + 1, len(starts))]
            table.children = [Block(Kind.ROW, starts[row], ends[row]) for row in rows]
            before = Block(Kind.PARAGRAPH, paragraph.start, ends[at - 2]) if at > 1 else None
            return [table] if before is None else [before, table]
    return [paragraph]


def _shape(row: str) -> tuple[int, int]:
    """How deep in quotes a row stands, and how many cells it has; a list marker before it does not matter."""
    prefix = _ROW_PREFIX.match(row)
    start = prefix.end() if prefix else 0
    return row.count(">", 0, start), len(_PIPE.findall(row[start:].rstrip().removesuffix("|"))) + 1


def plain_text(inline: str) -> str:
    """What a reader sees of a piece of inline Markdown: marks, link targets and tags are dropped."""
    (token,) = _parser(inline=True).parseInline(inline)
    return " ".join(_visible(token.children or []).split())


def _visible(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type in {"text", "code_inline", "text_special"}:
            parts.append(token.content)
        elif token.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
        elif token.type == "image":
            parts.append(_visible(token.children or []))
    return "".join(parts)


def _block(token: Token, starts: Sequence[int], length: int) -> Block | None:
    kind = _KINDS.get(token.type)
    if kind is None or token.map is None:
        return None
    first, after = token.map
    end = starts[after] - 1 if after < len(starts) else length
    level = int(token.tag[1:]) if kind is Kind.HEADING else 0
    return Block(kind, starts[first], max(end, starts[first]), level)


def _line_starts(text: str) -> list[int]:
    starts, at = [0], text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts
