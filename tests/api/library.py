"""A small library in memory for tests of the service and for developing its page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from ingest.document import Document, PageMap, Passage, Section, Span
from ingest.scope import Labels
from tests.fakes.catalog import MemoryCatalog

CORPUS = Path(__file__).resolve().parents[2] / "docs_corpus" / "documents"
HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$", re.MULTILINE)
PARAGRAPH = re.compile(r"\S.*?(?=\n\s*\n|\Z)", re.DOTALL)


def markdown_document(source: str, text: str, page_length: int | None = None) -> Document:
    """A document from Markdown; with ``page_length`` (code points) it has pages."""
    headings = [(len(match[1]), match[2], match.start()) for match in HEADING.finditer(text)]
    sections = []
    path: list[str] = []
    for index, (level, title, start) in enumerate(headings):
        path = [*path[: level - 1], title]
        end = next((at for other, _, at in headings[index + 1 :] if other <= level), len(text))
        sections.append(Section(tuple(path), level, Span(start, end)))
    return Document(
        source=source,
        title=headings[0][1] if headings else source,
        text=text,
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        media_type="text/markdown" if page_length is None else "application/pdf",
        pages=PageMap(tuple(range(0, len(text), page_length)) if page_length else ()),
        sections=tuple(sections),
    )


def passages_of(document: Document) -> list[Passage]:
    """Every paragraph is a passage."""
    passages = []
    for ordinal, match in enumerate(PARAGRAPH.finditer(document.text)):
        span = Span(match.start(), match.end())
        first, last = document.pages.page_at(span.start), document.pages.page_at(span.end - 1)
        passages.append(
            Passage(
                ordinal=ordinal,
                span=span,
                text=match[0],
                section_path=document.section_path_at(span.start),
                pages=(first, last) if first is not None and last is not None else None,
            )
        )
    return passages


def publish(catalog: MemoryCatalog, collection: str, document: Document, labels: Labels = ()) -> None:
    catalog.publish(catalog.prepare(collection, document, passages_of(document), labels=labels))


def library(texts: Mapping[str, str], collection: str = "default") -> MemoryCatalog:
    """A catalog of Markdown texts by source, published one second apart."""
    seconds = iter(range(1_700_000_000, 1_800_000_000))
    catalog = MemoryCatalog(clock=lambda: float(next(seconds)))
    for source, text in texts.items():
        publish(catalog, collection, markdown_document(source, text))
    return catalog


def corpus_library() -> MemoryCatalog:
    """The sample company's Markdown documents; one of them in two revisions, and one with pages."""
    catalog = MemoryCatalog()
    for path in sorted(CORPUS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        source = path.relative_to(CORPUS).as_posix()
        publish(catalog, "default", markdown_document(source, text, 1500 if len(text) > 8000 else None))
    first = catalog.current("default")[0]
    old = catalog.document(first.id)
    publish(catalog, "default", markdown_document(old.source, old.text + "\n\n## Note\n\nRevised in this edition.\n"))
    return catalog
