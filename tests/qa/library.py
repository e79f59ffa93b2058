"""A shelf of two small manuals, cut at their headings, in catalog and vectors of fakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ingest.contextual import contextual_text
from ingest.document import Document, PageMap, Passage, Section, Span, StoredPassage
from ingest.scope import Labels, partition
from qa.answer import RetrievedPassage
from qa.retriever import HybridRetriever, RetrievalConfig
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.embedder import HashEmbedder
from tests.fakes.vectors import MemoryVectors

CORVO = """\
# Corvo 200 Manual

## 1 Pairing

The pairing code has 6 digits and cannot be changed. The window stays open for 4 minutes. It closes by itself.

After 5 wrong codes within one window the meter refuses further attempts for 30 minutes.

## 2 Alarms

C-09 is raised when the lid or the wall bracket stays open for longer than 15 minutes.

| Code | Meaning | Raised after |
|---|---|---|
| C-04 | Air in the flow sensor | 10 minutes |
| C-11 | Medium hotter than 130 °C | 5 minutes |

## 3 Fitting

The meter needs:

1. a straight inlet run of 3×DN,
2. a sensor screw tightened to 4 N·m.

The meter is not approved for glycol mixtures. It must be mounted in the return pipe.
"""

PIPIT = """\
# Pipit 10 Manual

## 1 Pairing

The code has 4 digits. The window stays open for 6 minutes and cannot be opened again until 1 minute has passed.

## 2 Battery

The battery lasts 16 years. A hot meter without its seal must not be put into service.
"""


def manual(source: str, text: str, title: str) -> Document:
    """A document whose pages are its chapters."""
    chapters = [at for at in range(len(text)) if text.startswith("## ", at)]
    ends = [*chapters[1:], len(text)]
    sections = [Section((title,), 1, Span(0, len(text)))]
    for start, end in zip(chapters, ends, strict=True):
        heading = text[start + 3 : text.index("\n", start)]
        sections.append(Section((title, heading), 2, Span(start, end)))
    return Document(
        source=source,
        title=title,
        text=text,
        content_hash=f"hash of {text}",
        media_type="text/markdown",
        pages=PageMap((0, *chapters[1:])),
        sections=tuple(sections),
    )


def chapters_of(document: Document) -> Iterator[Passage]:
    """One passage a chapter; what stands before the first belongs to it."""
    starts = [0, *(section.span.start for section in document.sections[2:]), len(document.text)]
    for ordinal, (start, end) in enumerate(pairwise(starts)):
        text = document.text[start:end].rstrip()
        page = document.pages.page_at(start) or 1
        inside = document.sections[ordinal + 1].path if len(document.sections) > 1 else ()
        yield Passage(ordinal, Span(start, start + len(text)), text, inside, (page, page))


class Library:
    """Documents that can be searched and asked."""

    def __init__(self, *documents: Document, collection: str = "default") -> None:
        self.now = 1_000.0
        self.catalog = MemoryCatalog(clock=lambda: self.now)
        self.vectors: MemoryVectors = MemoryVectors()
        self.embedder = HashEmbedder()
        for document in documents:
            self.publish(document, collection)

    def publish(self, document: Document, collection: str = "default", labels: Labels = ()) -> None:
        """As the ingest pipeline does it: prepared, embedded, published."""
        passages = list(chapters_of(document))
        prepared = self.catalog.prepare(collection, document, passages, labels=labels)
        vectors = self.embedder.embed([contextual_text(document.title, passage) for passage in passages])
        self.vectors.upsert(partition(collection, labels), [(prepared.revision.id, prepared.passage_ids, vectors)])
        self.catalog.publish(prepared)

    def retriever(self, config: RetrievalConfig | None = None) -> HybridRetriever:
        return HybridRetriever(self.embedder, self.vectors, self.catalog, config)

    def passages(self, collection: str = "default") -> tuple[RetrievedPassage, ...]:
        """All passages of the collection as if they had been retrieved in the order of the documents."""
        stored = [
            passage
            for revision in self.catalog.current(collection)
            for passage in self.catalog.passages_of(revision.id)
        ]
        return retrieved(stored)

    def documents(self) -> dict[str, Document]:
        """The current documents by revision id."""
        return {revision.id: self.catalog.document(revision.id) for revision in self.catalog.current()}


def retrieved(stored: Sequence[StoredPassage]) -> tuple[RetrievedPassage, ...]:
    """Passages with made-up scores, best first."""
    return tuple(
        RetrievedPassage(passage, similarity=0.5, lexical=1.0, score=1.0 / rank, rank=rank)
        for rank, passage in enumerate(stored, start=1)
    )


def manuals() -> Library:
    """The two manuals."""
    return Library(
        manual("corvo.md", CORVO, "Corvo 200 Manual"),
        manual("pipit.md", PIPIT, "Pipit 10 Manual"),
    )
