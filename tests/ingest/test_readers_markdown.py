"""Markdown files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.canonical import normalise
from ingest.document import Document
from ingest.markdown_sections import sections_of
from ingest.reader import Reader, UnreadableFile
from ingest.readers.markdown import MarkdownReader
from ingest.source_file import Limits
from tests.contracts.reader import ReaderContract
from tests.fakes.reading import PlainReader

SAMPLE = """\
# Pump manual

Version 2.

## Limits

| Part | Limit |
|---|---|
| valve | 6 bar |

```sh
# not a heading
```

> ## Not a section

Setext
------

1. item

   ## Not one either

### `C-09` *Tamper* [alarm](x.html)

Text.
"""


def read(tmp_path: Path, content: str | bytes, limits: Limits | None = None) -> Document:
    path = tmp_path / "file.md"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return MarkdownReader(limits or Limits()).read(path, "docs/file.md")


class TestMarkdownReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return MarkdownReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.md"
        path.write_text(SAMPLE, encoding="utf-8")
        return path


class TestPlainReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return PlainReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.plain"
        path.write_text("Some text.\n\nMore.\n", encoding="utf-8")
        return path


def test_the_text_is_kept(tmp_path: Path) -> None:
    assert read(tmp_path, SAMPLE).text == SAMPLE


def test_sections_are_the_headings_that_are_shown(tmp_path: Path) -> None:
    document = read(tmp_path, SAMPLE)
    assert document.title == "Pump manual"
    assert [section.path for section in document.sections] == [
        ("Pump manual",),
        ("Pump manual", "Limits"),
        ("Pump manual", "Setext"),
        ("Pump manual", "Setext", "C-09 Tamper alarm"),
    ]
    spans = [section.span.of(document.text) for section in document.sections]
    assert spans[0] == SAMPLE
    assert spans[1].startswith("## Limits\n")
    assert spans[1].endswith("> ## Not a section\n\n")
    assert document.section_path_at(SAMPLE.index("6 bar")) == ("Pump manual", "Limits")
    assert document.section_path_at(len(SAMPLE) - 1) == ("Pump manual", "Setext", "C-09 Tamper alarm")


def test_line_endings_marks_and_invisible_characters_go(tmp_path: Path) -> None:
    content = "\ufeff# A\r\n\r\nsoft\u00adware \u202eevil\u202c\x07\rend\U000e0041\n"
    assert read(tmp_path, content).text == "# A\n\nsoftware evil\nend\n"


@pytest.mark.parametrize("mark", ["---", "+++"])
def test_front_matter_is_not_text(tmp_path: Path, mark: str) -> None:
    title = "title: 'Of the front'" if mark == "---" else 'title = "Of the front"'
    document = read(tmp_path, f"{mark}\n{title}\ntags: x\n{mark}\n\nText.\n\n---\n\nMore.\n")
    assert document.text == "Text.\n\n---\n\nMore.\n"
    assert document.title == "Of the front"


def test_a_rule_at_the_start_is_no_front_matter(tmp_path: Path) -> None:
    assert read(tmp_path, "---\n\nText without a second rule.\n").text.startswith("---\n")


def test_the_title_falls_back_to_the_name(tmp_path: Path) -> None:
    assert read(tmp_path, "## Second level\n\nText.\n").title == "file"
    assert read(tmp_path, "Text first.\n\n# Late title\n").title == "Late title"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-16", "# Größe\n\n30 € für Ärzte\n"),
        ("utf-16-le", "# Size\n\nsome more text in here\n"),
        ("utf-32", "# Größe\n\n30 €\n"),
        ("utf-8-sig", "# Größe\n"),
        ("cp1252", "# Über die Größe der Räume\n\nDie Tür öffnet sich nach außen, übrigens für größere Möbel.\n"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, text: str) -> None:
    assert read(tmp_path, text.encode(encoding)).text == text


def test_damaged_utf_16_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="damaged"):
        read(tmp_path, "# Size of things".encode("utf-16") + b"\x00\xd8\x41")


def test_limits(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"too large \(0.1 MB, 0.0 MB are allowed\): split it or raise the limit"):
        read(tmp_path, "word " * 20_000, Limits(file_bytes=50_000))
    with pytest.raises(UnreadableFile, match="100,000 characters, 1,000 are allowed"):
        read(tmp_path, "word " * 20_000, Limits(characters=1_000))


@given(st.text())
def test_normal_text_stays_normal(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert "\r" not in once


@given(st.lists(st.sampled_from(["# a", "## b", "### c", "###### d", "text", "", "> # q", "```", "Setext\n==="])))
def test_sections_tile_the_text(lines: list[str]) -> None:
    text = "\n".join(lines)
    sections = sections_of(text)
    for section in sections:
        later = [s for s in sections if s.span.start > section.span.start and s.level <= section.level]
        assert section.span.end == (later[0].span.start if later else len(text))
        outer = [s for s in sections if s.span.start < section.span.start < s.span.end and s.level < section.level]
        assert section.path == (*(outer[-1].path if outer else ()), section.path[-1])
