"""The last step of every reader: from Markdown to the canonical document."""

from __future__ import annotations

from itertools import accumulate
from pathlib import PurePosixPath

from ingest.document import Document, PageMap, Section
from ingest.markdown_sections import sections_of
from ingest.source_file import Limits, SourceFile

PAGE_MARK = "\f"
"""Stands in a reader's Markdown where a page begins; it is taken out again and becomes the page map."""


def _deletions() -> dict[int, str | None]:
    r"""Characters without a shape: line endings become ``\n``, the rest goes.

    Among them are those that hide text from a person but not from a model (direction overrides, tags).
    """
    control = [*range(0x09), 0x0B, *range(0x0E, 0x20), *range(0x7F, 0xA0)]
    formatting = [0x00AD, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xE0000, 0xE0080)]
    table: dict[int, str | None] = dict.fromkeys([*control, *formatting])
    table.update(dict.fromkeys([0x0D, 0x0C, 0x85, 0x2028, 0x2029], "\n"))
    table.update(dict.fromkeys(range(0xD800, 0xE000), "\ufffd"))
    return table


_DELETIONS = _deletions()


def normalise(text: str) -> str:
    r"""Line endings as ``\n``; no byte order marks, control characters or invisible formatting."""
    return text.replace("\r\n", "\n").translate(_DELETIONS)


def canonical_document(
    file: SourceFile, markdown: str, *, media_type: str, limits: Limits, title: str = ""
) -> Document:
    """The document of normalised Markdown, in which each page begins with `PAGE_MARK` if it has pages.

    ``title`` is used where the text does not begin with a title of its own, below which all else stands. Raises
    `UnreadableFile` for a text that is empty or too long.
    """
    text, pages = _paginate(markdown.strip(" \t\n") + "\n")
    if not text.strip():
        raise file.unreadable("holds no text: put text into it or take it out of the folder")
    if len(text) > limits.characters:
        raise file.unreadable(
            f"holds {len(text):,} characters, {limits.characters:,} are allowed: split it or raise the limit"
        )
    sections = sections_of(text)
    return Document(
        source=file.source,
        title=_title(sections, title, file.source),
        text=text,
        content_hash=file.content_hash,
        media_type=media_type,
        pages=pages,
        sections=sections,
    )


def _paginate(marked: str) -> tuple[str, PageMap]:
    pages = marked.split(PAGE_MARK)
    if len(pages) == 1:
        return marked, PageMap()
    starts = list(accumulate(len(page) for page in pages[:-1]))
    starts[0] = 0  # A reader with pages marks the first one too, and what may stand before the mark belongs to it.
    return "".join(pages), PageMap(tuple(starts))


def _title(sections: tuple[Section, ...], given: str, source: str) -> str:
    tops = [section.path[0] for section in sections if section.level == 1 and section.path[0]]
    named = " ".join(given.split())
    if tops and sections[0].level == 1 and sections[0].path[0] and (len(tops) == 1 or not named):
        return tops[0]
    return named or next(iter(tops), PurePosixPath(source).stem)
