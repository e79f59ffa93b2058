"""The canonical form of a document: one Markdown text, with its pages and its sections.

Every offset in the product is a half-open span of code points into a document's canonical text. A viewer shows
this text, a citation points into it, a passage is a slice of it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import NewType

DocumentId = NewType("DocumentId", str)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open range of code points, ``start <= end``."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """The characters of ``text`` under this span."""
        return text[self.start : self.end]

    def overlaps(self, other: Span) -> bool:
        """Whether the two spans share at least one character."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Span) -> bool:
        """Whether ``other`` lies wholly inside this span."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it, subsections included.

    ``path`` holds the heading texts from the outermost section down to this one; ``span`` reaches from the
    heading's first character to the next heading of the same or a higher level.
    """

    path: tuple[str, ...]
    level: int
    span: Span


@dataclass(frozen=True, slots=True)
class PageMap:
    """Where pages begin: ``starts[i]`` is the offset at which page ``i + 1`` begins; empty without pages."""

    starts: tuple[int, ...] = ()

    def page_at(self, offset: int) -> int | None:
        """One-based page that holds the character at ``offset``; None for a document without pages."""
        return max(1, bisect_right(self.starts, offset)) if self.starts else None


@dataclass(frozen=True, slots=True)
class Document:
    """One file as the product sees it.

    ``source`` is the path under the ingested root, with forward slashes; ``content_hash`` the SHA-256 of the
    file's bytes (hex); ``sections`` in order of their start, outer before inner.
    """

    source: str
    title: str
    text: str
    content_hash: str
    media_type: str
    pages: PageMap
    sections: tuple[Section, ...]

    def section_path_at(self, offset: int) -> tuple[str, ...]:
        """Path of the innermost section that holds ``offset``; empty before the first heading."""
        # A section reaches to the next heading of its level or above, so the last one to begin is the innermost.
        last = bisect_right(self.sections, offset, key=lambda section: section.span.start) - 1
        return self.sections[last].path if last >= 0 else ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A citable slice of a document: ``document.text[span] == text``, always.

    ``section_path`` is that of the passage's first words; headings that have no text of their own stand in front
    of the section that follows them and do not count. ``pages`` are the first and last one-based page it touches
    (None without pages). ``lead_in`` is what a person would have read before these words and the slice cannot
    repeat: the header row of the table in which the passage begins, shortened where it is long, empty elsewhere. It
    belongs in front of the text wherever the passage is embedded, searched or read alone.
    """

    ordinal: int
    span: Span
    text: str
    section_path: tuple[str, ...]
    pages: tuple[int, int] | None
    lead_in: str = ""


@dataclass(frozen=True, slots=True)
class Revision:
    """One published version of a document.

    ``number`` counts from 1 within the document. ``valid_from`` and ``valid_to`` are UTC seconds since the
    epoch; ``valid_to`` is None for the revision that holds now. ``recipe`` names the versions and settings of
    reader and splitter that made it: the same bytes under the same recipe give the same passages. ``root`` is the
    folder below which ``source`` lies, as an absolute path, or another name of where the file came from. ``labels``
    decide who may read the document now.
    """

    id: str
    document_id: DocumentId
    collection: str
    source: str
    number: int
    title: str
    content_hash: str
    media_type: str
    valid_from: float
    valid_to: float | None
    passage_count: int
    recipe: str = ""
    root: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A published passage with what a citation needs to name it."""

    id: str
    revision: Revision
    passage: Passage
