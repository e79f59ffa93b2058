"""PowerPoint presentations (.pptx)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest import markdown_writer as md
from ingest.canonical import PAGE_MARK, canonical_document, normalise
from ingest.document import Document
from ingest.markdown_writer import Written
from ingest.readers.slides.shapes import blocks_of, title_of
from ingest.readers.slides.text import paragraphs_of
from ingest.source_file import DEFAULT_LIMITS, Limits, SourceFile
from ingest.zip_package import PackageKind

if TYPE_CHECKING:
    from pptx.presentation import Presentation
    from pptx.slide import Slide

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_KIND = PackageKind(
    "a PowerPoint presentation", ".pptx", "ppt/presentation.xml", "PowerPoint", "an old PowerPoint file (.ppt)"
)


@dataclass(frozen=True, slots=True)
class SlidesReader:
    """A slide is a page and a section: title, text, tables, figures of charts, notes. No footers, no hidden slides."""

    limits: Limits = DEFAULT_LIMITS
    version: str = "pptx 2"
    suffixes: frozenset[str] = frozenset({".pptx"})

    def read(self, path: Path, source: str) -> Document:
        """Read one file. Raises `UnreadableFile`."""
        from pptx import Presentation as open_presentation

        file = SourceFile.load(path, source, self.limits)
        _KIND.check(file, self.limits)
        try:
            presentation = open_presentation(io.BytesIO(file.data))
            slides = [_slide(slide, number) for number, slide in enumerate(presentation.slides, 1)]
            title = _title(presentation)
        except Exception as error:  # The parser fails in as many ways as files are damaged.
            raise _KIND.damaged(file, error) from error
        while slides and not slides[-1]:
            slides.pop()
        if not slides:
            raise file.unreadable("holds no text on its slides: put text into it or take it out of the folder")
        text = "".join(f"{PAGE_MARK}{slide}\n\n" if slide else PAGE_MARK for slide in slides)
        return canonical_document(file, text, media_type=MEDIA_TYPE, limits=self.limits, title=normalise(title))


def _title(presentation: Presentation) -> str:
    """What the file says that it is called; the name that PowerPoint gives them all says nothing."""
    named = presentation.core_properties.title or ""
    if named and named != "PowerPoint Presentation":
        return named
    first = next(iter(presentation.slides), None)
    return "" if first is None or first.shapes.title is None else first.shapes.title.text_frame.text


def _slide(slide: Slide, number: int) -> str:
    """One slide as Markdown; empty for one that is hidden or shows no text."""
    if slide._element.get("show") in {"0", "false"}:
        return ""
    body = normalise(md.join([*blocks_of(slide.shapes), *_notes(slide)]))
    title, opens = title_of(slide)
    if not (title or body):
        return ""
    level = 1 if opens and number == 1 else 2
    top = md.heading(level, normalise(title) or f"Slide {number}")
    return md.join([top, Written(body)])


def _notes(slide: Slide) -> Iterator[Written]:
    """What the speaker says about it."""
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if frame is not None and frame.text.strip():
        yield md.paragraph("**Notes**")
        yield from paragraphs_of(frame, listed=False)
