"""From a gold quote to its span in the canonical text, whatever the document's format made of marks and spaces."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ingest.catalog import Catalog
from ingest.document import Document, Section, Span
from qa.evaluation.questions import GoldQuestion, GoldQuote, QuotedPlace

_MARKS = frozenset("*_`[]\\")
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2212")


class GoldMissing(ValueError):
    """A gold quote that is not in its document; the message says what was looked for and what is there."""


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """A gold quote where it stands.

    ``span`` covers the quote's characters, ``section`` the text of the innermost section that holds the quote,
    without its subsections. Both in code points of the canonical text of ``source``. ``also``: other places that
    state the same.
    """

    source: str
    span: Span
    section_path: tuple[str, ...]
    section: Span
    also: tuple[GoldSpan, ...] = ()

    @property
    def places(self) -> tuple[GoldSpan, ...]:
        """All places of which one is enough."""
        return (self, *self.also)


class CollectionUnfit(ValueError):
    """The collection does not hold what the questions ask about; the message says what to do."""


def golds_in(catalog: Catalog, collection: str, questions: Iterable[GoldQuestion]) -> dict[str, tuple[GoldSpan, ...]]:
    """The gold spans of each question, by its id, in the current revisions of ``collection``.

    Raises `CollectionUnfit` when a document is missing there, `GoldMissing` when one does not hold its quote.
    """
    asked = list(questions)
    revisions = {revision.source: revision.id for revision in catalog.current(collection)}
    needed = {place.document for question in asked for gold in question.gold for place in (gold, *gold.also)}
    missing = sorted(needed - revisions.keys())
    if missing or not revisions:
        lacks = f"lacks {len(missing)} of {len(needed)} documents, {missing[0]} first" if missing else "is empty"
        raise CollectionUnfit(
            f"collection {collection!r} {lacks}; put the documents that the questions are about into it "
            "(for the sample questions: docqa ingest docs_corpus/documents)"
        )
    documents = {source: catalog.document(revisions[source]) for source in needed}
    return {question.id: tuple(_located(gold, documents) for gold in question.gold) for question in asked}


def _located(gold: GoldQuote, documents: Mapping[str, Document]) -> GoldSpan:
    also = tuple(locate(place, documents[place.document]) for place in gold.also)
    return replace(locate(gold, documents[gold.document]), also=also)


def locate(gold: QuotedPlace, document: Document) -> GoldSpan:
    """Find a gold quote in its section. Raises `GoldMissing`.

    Whitespace, table pipes, Markdown marks and the kind of dash or minus do not count.
    """
    wanted_path = tuple(_flat(heading) for heading in gold.section)
    named = [s for s in document.sections if tuple(_flat(heading) for heading in s.path) == wanted_path]
    if not named:
        there = "; ".join(" > ".join(section.path) for section in document.sections) or "none"
        raise GoldMissing(f"{gold.document}: no section {' > '.join(gold.section)!r}; its sections: {there}")
    for section in named:
        found = find_quote(gold.quote, document.text, section.span)
        if found is not None:
            inner = _innermost(document, found.start)
            return GoldSpan(gold.document, found, inner.path, _own_span(document, inner))
    hint = "elsewhere in the document" if find_quote(gold.quote, document.text) else "nowhere in the document"
    raise GoldMissing(f"{gold.document}: {gold.quote!r} is not in section {' > '.join(gold.section)!r}, but {hint}")


def find_quote(quote: str, text: str, within: Span | None = None) -> Span | None:
    """Span of the first occurrence of ``quote`` in ``text`` (inside ``within``), compared as `locate` does."""
    start, end = (within.start, within.end) if within else (0, len(text))
    kept = list(_plain(text[start:end]))
    wanted = _flat(quote)
    if not wanted:
        raise ValueError(f"a quote of marks and spaces only cannot be found: {quote!r}")
    at = "".join(character for character, _ in kept).find(wanted)
    if at < 0:
        return None
    return Span(start + kept[at][1], start + kept[at + len(wanted) - 1][1] + 1)


def _flat(text: str) -> str:
    return "".join(character for character, _ in _plain(text)).strip()


def _plain(text: str) -> Iterator[tuple[str, int]]:
    """The characters that count, each with the offset of the character it comes from; runs of space as one."""
    space = False
    for offset, character in enumerate(text):
        if character in _MARKS:
            continue
        if character.isspace() or character == "|":
            space = True
            continue
        if space:
            yield " ", offset
            space = False
        for plain in "-" if character in _DASHES else unicodedata.normalize("NFKC", character):
            yield plain, offset


def _innermost(document: Document, offset: int) -> Section:
    return max(
        (section for section in document.sections if section.span.start <= offset < section.span.end),
        key=lambda section: section.span.start,
    )


def _own_span(document: Document, section: Section) -> Span:
    """The section without its subsections: from its heading to the next one."""
    inner = [s.span.start for s in document.sections if section.span.start < s.span.start < section.span.end]
    return Span(section.span.start, min(inner, default=section.span.end))
