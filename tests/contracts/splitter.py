"""What every splitter must do."""

from __future__ import annotations

import pytest

from ingest.document import Document, PageMap
from ingest.markdown_sections import sections_of
from ingest.splitter import Splitter

TEXTS = (
    "One paragraph.\n",
    "# Title\n\nIntro.\n\n## A\n\ntext of a\n\n## B\n\n- one\n- two\n\n| x | y |\n|---|---|\n| 1 | 2 |\n",
    "no heading first\n\n# Late\n\n## Bare\n\n### Deep\n\n```\ncode\n\n# no heading\n```\n",
    "# Only a heading\n",
    "[ref]: http://example.org\n\n# After a target\n\nSee [ref].\n\n[other]: x\n",
    "word " * 5_000 + "\n",
    "x" * 20_000 + "\n",
    "wide" + " " * 20_000 + "gap\n\n```\n" + " " * 9_000 + "code\n```\n",
    "# T\n\n" + "".join(f"Sentence number {n} is here. " for n in range(2_000)) + "\n",
    "# T\n\n| a | b |\n|---|---|\n" + "".join(f"| row {n} | value {n} |\n" for n in range(500)),
)


def document_of(text: str, page_length: int = 0) -> Document:
    """A document of canonical text, with pages of ``page_length`` code points."""
    pages = PageMap(tuple(range(0, len(text), page_length)) if page_length else ())
    return Document("s.md", "T", text, "0" * 64, "text/markdown", pages, sections_of(text))


def check_passages(splitter: Splitter, document: Document) -> None:
    """Assert the law of splitters."""
    passages = splitter.split(document)
    covered = [False] * len(document.text)
    for ordinal, passage in enumerate(passages):
        assert passage.ordinal == ordinal
        assert passage.text == passage.span.of(document.text)
        assert passage.text.strip()
        covered[passage.span.start : passage.span.end] = [True] * len(passage.span)
        if document.pages.starts:
            first, last = document.pages.page_at(passage.span.start), document.pages.page_at(passage.span.end - 1)
            assert passage.pages == (first, last)
        else:
            assert passage.pages is None
    starts = [passage.span.start for passage in passages]
    assert starts == sorted(starts)
    missing = [at for at, taken in enumerate(covered) if not taken and not document.text[at].isspace()]
    assert not missing, f"lost: {document.text[missing[0] :][:40]!r}"


class SplitterContract:
    """Subclasses provide the fixture ``splitter``."""

    def test_it_names_its_version(self, splitter: Splitter) -> None:
        assert splitter.version

    @pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
    @pytest.mark.parametrize("page_length", [0, 100])
    def test_passages_are_slices_and_nothing_is_lost(self, splitter: Splitter, text: str, page_length: int) -> None:
        check_passages(splitter, document_of(text, page_length))

    def test_the_same_document_gives_the_same_passages(self, splitter: Splitter) -> None:
        for text in TEXTS:
            assert list(splitter.split(document_of(text))) == list(splitter.split(document_of(text)))
