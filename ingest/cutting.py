"""Where a stretch of text is cut: into as few pieces as hold it, at the places where a cut hurts least."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ingest.markdown_blocks import Block, Kind

# What a cut costs, where a further passage costs 1: rather one passage more than a table cut twice in its rows.
_BLOCK, _LEAD_IN, _ITEM, _ROW, _CODE_LINE, _SENTENCE, _WORD, _CHARACTER = 0.0, 0.6, 0.3, 0.4, 0.4, 0.8, 1.5, 2.0
_MOST_CHARACTERS = 20
"""Characters to a token at most: tokenizers take a word that is too long for them as a single unknown one."""
_NEVER = 1e6
_UNEVEN = 0.5
"""What a passage costs that is empty; it falls to nothing for a full one, so that passages are of like size."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_]*[^\W_a-z])|(?<=[。！？])")
_WORD_END = re.compile(r"\s+(?=\S)")
# Finer and finer: where to cut, what it costs, and whether several parts may stay together, to spare the tokenizer.
_FINER = ((_SENTENCE_END, _SENTENCE, False), (_WORD_END, _WORD, True), (_WORD_END, _WORD, False))
_LINE_START = re.compile(r"\n(?=[^\n]*\S)")
_COLUMN_END = re.compile(r"(?<!\\)\|")
_VISIBLE = re.compile(r"[^\s|:-]")


@dataclass(frozen=True, slots=True)
class Atom:
    """What is never cut: from ``start`` to the next atom's start.

    ``cut`` is what a cut before it costs; a passage that begins with it needs ``lead_in`` (of ``lead_tokens``).
    """

    start: int
    tokens: int
    cut: float
    lead_in: str = ""
    lead_tokens: int = 0


class Cutter:
    """Cuts parts of one text to passages of at most ``room`` tokens."""

    def __init__(self, text: str, count_tokens: Callable[[str], int], room: int) -> None:
        """``count_tokens`` is called once for each part that is tried."""
        self._text = text
        self._count_tokens = count_tokens
        self._room = room

    def atoms(self, headings: Sequence[Block], blocks: Sequence[Block], end: int) -> list[Atom]:
        """The atoms of headings and the blocks under them; ``end`` is where the next heading begins, or the text."""
        starts = [block.start for block in blocks] + [end]
        atoms: list[Atom] = []
        first_room = self._room
        if headings:
            begin, after = headings[0].start, starts[0]
            tokens = self._count(begin, after)
            if tokens <= self._room // 2:
                atoms.append(Atom(begin, tokens, _BLOCK))
                first_room -= tokens
            else:  # Somebody's whole paragraph in the style of a heading.
                atoms.extend(self._fitted(begin, after, self._room, _BLOCK))
        for block, after in zip(blocks, starts[1:], strict=True):
            sticks = bool(atoms) and block is blocks[0] and first_room < self._room
            cut = _NEVER if sticks else self._cut_before(block)
            atoms.extend(self._expand(replace(block, end=after), first_room if sticks else self._room, cut))
        return atoms

    def passages(self, atoms: Sequence[Atom]) -> list[tuple[int, int]]:
        """The cheapest division: half-open ranges of atoms, each within the room unless it is a single atom."""
        cost = [0.0] + [float("inf")] * len(atoms)
        begin = [0] * (len(atoms) + 1)
        for after in range(1, len(atoms) + 1):
            size = 0
            for first in range(after - 1, -1, -1):
                size += max(atoms[first].tokens, 1)
                if size > self._room and first < after - 1:
                    break
                whole = size + atoms[first].lead_tokens
                if whole > self._room and first < after - 1:
                    continue
                spare = max(1 - whole / self._room, 0)
                total = cost[first] + (atoms[first].cut if first else 0) + 1 + _UNEVEN * spare * spare
                if total < cost[after]:
                    cost[after], begin[after] = total, first
        ranges: list[tuple[int, int]] = []
        after = len(atoms)
        while after:
            ranges.append((begin[after], after))
            after = begin[after]
        return ranges[::-1]

    def _count(self, start: int, end: int) -> int:
        """Tokens of a part; at least so many for one that is too long for a passage anyway."""
        part = self._text[start:end].strip()
        least = len(part) // _MOST_CHARACTERS
        return least if least > self._room else max(self._count_tokens(part), least)

    def _cut_before(self, block: Block) -> float:
        """A line that announces what follows ("as follows:") should stay with it."""
        return _LEAD_IN if self._text[max(block.start - 40, 0) : block.start].rstrip(" *_\n").endswith(":") else _BLOCK

    def _expand(self, block: Block, room: int, cut: float) -> Iterator[Atom]:
        """Atoms of a block; the first may take ``room`` tokens, a cut before it costs ``cut``."""
        if block.kind is Kind.LIST and block.children:
            yield from self._inside(block, room, cut, _ITEM)
            return
        tokens = self._count(block.start, block.end)
        if tokens <= room:
            yield Atom(block.start, tokens, cut)
        elif block.kind is Kind.TABLE and len(block.children) > 1:
            yield from self._table(block, room, cut)
        elif block.kind is Kind.CODE:
            yield from self._code(block, room, cut)
        elif block.children and block.kind is not Kind.ROW:
            yield from self._inside(block, room, cut, _BLOCK)
        else:
            yield from self._fitted(block.start, block.end, room, cut)

    def _inside(self, block: Block, room: int, cut: float, cut_inside: float) -> Iterator[Atom]:
        """The children, which together cover the block."""
        starts = [block.start, *(child.start for child in block.children[1:]), block.end]
        for number, child in enumerate(block.children):
            part = replace(child, start=starts[number], end=starts[number + 1])
            yield from self._expand(part, room if number == 0 else self._room, cut if number == 0 else cut_inside)

    def _table(self, block: Block, room: int, cut: float) -> Iterator[Atom]:
        """Rows. The header stays with the first one, if there is room for both, and is the lead-in of the others."""
        header, lead_tokens = self._repeated_header(self._text[block.start : block.children[0].end].strip())
        second = block.children[2].start if len(block.children) > 2 else block.end
        alone = bool(header) and self._count(block.start, second) > room
        starts = [block.start, *(row.start for row in block.children[1 if alone else 2 :]), block.end]
        for number, (start, end) in enumerate(pairwise(starts)):
            if number == 0:
                yield from self._fitted(start, end, room, cut)
            else:
                rest = self._room - lead_tokens
                for atom in self._fitted(start, end, rest, _ROW, later=rest):
                    yield replace(atom, lead_in=header, lead_tokens=lead_tokens)

    def _repeated_header(self, header: str) -> tuple[str, int]:
        """A table's header as it stands before each part, and its tokens: whole, or the first words of each column.

        It takes half of the room at most; empty where there are too many columns even for a word of each.
        """
        if not _VISIBLE.search(header):
            return "", 0
        columns = [column.split() for column in _COLUMN_END.split(header.strip("| "))]
        for most in (None, 6, 4, 3, 2, 1):
            names = (" ".join(words[:most]) for words in columns)
            shown = header if most is None else f"| {' | '.join(names)} |"
            tokens = self._count_tokens(shown)
            if tokens <= self._room // 2:
                return shown, tokens
        return "", 0

    def _code(self, block: Block, room: int, cut: float) -> Iterator[Atom]:
        """Lines. A fence is never alone, and a cut at a blank line costs less."""
        starts = [block.start]
        starts.extend(found.end() for found in _LINE_START.finditer(self._text, block.start, block.end))
        if len(starts) > 3:
            del starts[1], starts[-1]
        for number, (start, end) in enumerate(pairwise([*starts, block.end])):
            inner = _CODE_LINE / 2 if self._text[start - 2 : start] == "\n\n" else _CODE_LINE
            yield from self._fitted(start, end, room if number == 0 else self._room, cut if number == 0 else inner)

    def _fitted(self, start: int, end: int, room: int, cut: float, *, later: int = 0, level: int = 0) -> Iterator[Atom]:
        """The part whole if it fits, else its sentences, words or characters, from ``level`` of `_FINER` on.

        ``room`` is for the first atom, ``later`` for the others (the whole room if not given).
        """
        later = later or self._room
        tokens = self._count(start, end)
        if tokens <= room or end - start <= 1:
            yield Atom(start, tokens, cut)
            return
        if level < len(_FINER):
            border, cost, several = _FINER[level]
            parts = self._parts(border, start, end, least=self._room // 2 if several else 0)
        else:
            cost, middle = _CHARACTER, (start + end) // 2
            parts = iter(((start, middle), (middle, end)))
        for part, part_end in parts:
            if part == start:
                yield from self._fitted(part, part_end, room, cut, later=later, level=level + 1)
            else:
                yield from self._fitted(part, part_end, later, cost, later=later, level=level + 1)

    def _parts(self, border: re.Pattern[str], start: int, end: int, *, least: int) -> Iterator[tuple[int, int]]:
        """The stretch cut at its borders to parts of ``least`` characters or more, none of them blank."""
        at = start
        last = start + len(self._text[start:end].rstrip())
        for found in border.finditer(self._text, start, end):
            if found.end() - at >= least and found.end() < last and self._text[at : found.end()].strip():
                yield at, found.end()
                at = found.end()
        yield at, end
