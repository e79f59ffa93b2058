"""Search only: the passages that were found, each whole, as it was written, with its citation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ingest.document import Document, Span
from qa.answer import RetrievedPassage, Sentence, SentenceStatus
from qa.citations import citation_of
from qa.quotes import Quotes
from qa.tables import delimiter_row, is_delimiter_row, is_row


def as_written(passages: Sequence[RetrievedPassage], documents: Mapping[str, Document]) -> Quotes:
    """The passages in their order as blocks of Markdown, each one a quoted sentence that cites the whole of it.

    ``documents`` holds the document of each passage by revision id. A passage that begins inside a table has the
    table's header in front, which is no part of the quotation.
    """
    text = ""
    sentences = []
    for number, found in enumerate(passages):
        passage = found.stored.passage
        text += "\n\n" if text else ""
        text += "".join(f"{line}\n" for line in _header(passage.lead_in, passage.text))
        span = Span(len(text), len(text) + len(passage.text))
        text += passage.text
        cited = citation_of(found, number, passage.span, documents)
        sentences.append(Sentence(passage.text, span, SentenceStatus.QUOTED, (cited,)))
    return Quotes(text, tuple(sentences))


def _header(lead_in: str, text: str) -> Iterator[str]:
    lines = [line for line in lead_in.splitlines() if is_row(line)]
    if lines and is_row(text):
        yield from lines
        if not is_delimiter_row(lines[-1]):
            yield delimiter_row(lines[-1])
