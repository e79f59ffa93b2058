"""Passages that follow the structure of a document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ingest.contextual import heading_of
from ingest.cutting import Atom, Cutter
from ingest.document import Document, Passage, Span
from ingest.markdown_blocks import Block, Kind, parse_blocks


@dataclass(frozen=True, slots=True)
class StructureSplitter:
    """One passage for a section's own text if it fits, else as few as hold it, cut where it hurts least.

    Text under different headings never shares a passage, so that a passage's section is the section of its words;
    headings without text of their own stand in front of what follows. ``max_tokens`` bounds a passage's text,
    ``window`` (tokens) the text together with what `contextual_text` puts in front of it. ``count_tokens`` is taken
    to be additive over words, which tokenizers of words and of word pieces are.
    """

    count_tokens: Callable[[str], int]
    max_tokens: int = 200
    window: int = 254

    @property
    def version(self) -> str:
        """Names the method and its sizes; whose tokens they are is the embedder's to say."""
        return f"structure 2, {self.max_tokens} of {self.window} tokens"

    def split(self, document: Document) -> Sequence[Passage]:
        """Passages in the order of the text; none overlap."""
        text = document.text
        if not text.strip():
            return ()
        passages: list[Passage] = []
        groups = _under_headings(parse_blocks(text), text)
        for index, (headings, blocks) in enumerate(groups):
            end = _start(groups[index + 1]) if index + 1 < len(groups) else len(text)
            path = document.section_path_at(headings[-1].end) if headings else ()
            cutter = Cutter(text, self.count_tokens, self._room(document.title, path))
            atoms = cutter.atoms(headings, blocks, end)
            for first, after in cutter.passages(atoms):
                stop = atoms[after].start if after < len(atoms) else end
                passages.append(self._passage(document, len(passages), atoms[first], stop, path))
        return passages

    def _room(self, title: str, path: tuple[str, ...]) -> int:
        """Tokens for a passage's text in a section: a long path takes its part of the window, but not all of it."""
        taken = self.count_tokens(heading_of(title, path))
        return max(min(self.max_tokens, self.window - taken), self.max_tokens // 3)

    @staticmethod
    def _passage(document: Document, ordinal: int, first: Atom, stop: int, path: tuple[str, ...]) -> Passage:
        slice_ = document.text[first.start : stop].rstrip()
        span = Span(first.start, first.start + len(slice_))
        page, last_page = document.pages.page_at(span.start), document.pages.page_at(max(span.end - 1, span.start))
        pages = None if page is None or last_page is None else (page, last_page)
        return Passage(ordinal, span, slice_, path, pages, first.lead_in)


_Group = tuple[list[Block], list[Block]]


def _start(group: _Group) -> int:
    headings, blocks = group
    return (headings or blocks)[0].start


def _under_headings(blocks: Sequence[Block], text: str) -> list[_Group]:
    """The document as runs of headings, each with the blocks under its last heading; together they are the text."""
    groups: list[_Group] = [([], [])]
    for block in blocks or [Block(Kind.OTHER, 0, len(text))]:
        if block.kind is not Kind.HEADING:
            groups[-1][1].append(block)
        elif groups[-1][1]:
            groups.append(([block], []))
        else:
            groups[-1][0].append(block)
    # Lines that are in no block (link targets) belong to what precedes them; the first have only what follows.
    first = groups[0][0] or groups[0][1]
    first[0] = replace(first[0], start=min(first[0].start, len(text) - len(text.lstrip())))
    return groups
