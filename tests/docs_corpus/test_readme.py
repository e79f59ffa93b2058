"""The corpus is as large as it says, and its README names every document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

CORPUS = Path(__file__).resolve().parents[2] / "docs_corpus"
DOCUMENTS = sorted(path for path in (CORPUS / "documents").rglob("*") if path.is_file())
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<title>.+) \| (?P<words>[\d,]+) \|$", re.MULTILINE)


def _text(document: Path) -> str:
    """What a reader sees: of built documents the source, of pages the part without navigation."""
    source = CORPUS / "sources" / f"{document.relative_to(CORPUS / 'documents')}.md"
    text = (source if source.exists() else document).read_text(encoding="utf-8")
    main = BeautifulSoup(text, "lxml").find("main") if document.suffix == ".html" else None
    return main.get_text(" ") if main else text


def _words(document: Path) -> int:
    return sum(any(map(str.isalnum, word)) for word in re.split(r"[\s|]+", _text(document)))


def _rows() -> dict[str, tuple[str, int]]:
    rows = ROW.finditer((CORPUS / "README.md").read_text(encoding="utf-8"))
    return {row["name"]: (row["title"], int(row["words"].replace(",", ""))) for row in rows}


def test_the_corpus_is_rich() -> None:
    assert len(DOCUMENTS) >= 40
    assert sum(map(_words, DOCUMENTS)) >= 30_000
    assert {path.suffix for path in DOCUMENTS} == {".md", ".html", ".pdf", ".docx", ".txt"}


def test_the_readme_lists_every_document() -> None:
    assert list(_rows()) == [name for name in _rows() if (CORPUS / "documents" / name).is_file()]
    assert set(_rows()) == {path.relative_to(CORPUS / "documents").as_posix() for path in DOCUMENTS}


@pytest.mark.parametrize("name", _rows())
def test_titles_and_words_are_right(name: str) -> None:
    title, words = _rows()[name]
    document = CORPUS / "documents" / name
    assert " ".join(title.split()) in " ".join(_text(document).split())
    assert words == pytest.approx(_words(document), rel=0.05)
