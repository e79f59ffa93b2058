"""Plain text files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.document import Document
from ingest.markdown_blocks import Kind, parse_blocks
from ingest.reader import Reader, UnreadableFile
from ingest.readers.text import TextReader
from tests.contracts.reader import ReaderContract, check_document

SAMPLE = """\
ANTENNA GUIDE
=============
Version 1.4
Owner: Field Engineering

1. When it is needed
--------------------

Read the signal on the local page,
with the door closed.

  better than -95 dBm       stub antenna
  below -115 dBm            roof,
                            or use Ethernet

2. Parts
--------
Part       Antenna           Gain
TM-4051    stub, straight    0 dBi

  - Keep 50 cm apart.
  - Fit an arrester
    within 1 m.
  Image 41 MB, after the list.

    curl --data x https://example.org

KNOWN PROBLEMS
--------------
None.
"""


def read(tmp_path: Path, content: str | bytes) -> Document:
    path = tmp_path / "file.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return TextReader().read(path, "file.txt")


class TestTextReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return TextReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.txt"
        path.write_text(SAMPLE, encoding="utf-8")
        return path


def test_structure_is_seen(tmp_path: Path) -> None:
    assert (
        read(tmp_path, SAMPLE).text
        == """\
# ANTENNA GUIDE

Version 1.4
Owner: Field Engineering

## 1. When it is needed

Read the signal on the local page,
with the door closed.

```
better than -95 dBm       stub antenna
below -115 dBm            roof,
                          or use Ethernet
```

## 2. Parts

```
Part       Antenna           Gain
TM-4051    stub, straight    0 dBi
```

- Keep 50 cm apart.
- Fit an arrester
  within 1 m.

Image 41 MB, after the list.

```
curl --data x https://example.org
```

## KNOWN PROBLEMS

None.
"""
    )


def test_levels_follow_the_order_of_the_rules(tmp_path: Path) -> None:
    document = read(tmp_path, "A\n---\n\nB\n~~~\n\nC\n===\n\nD\n---\n\nend\n")
    assert [(s.level, s.path[-1]) for s in document.sections] == [(1, "A"), (2, "B"), (3, "C"), (1, "D")]


def test_what_is_no_heading(tmp_path: Path) -> None:
    text = "First line\nsecond line\n-----------\n\n  indented\n  --------\n\nA very long line that goes on\n---\n"
    assert read(tmp_path, text).sections == ()


def test_text_that_looks_like_markdown_stays_text(tmp_path: Path) -> None:
    text = "# no heading\n\n> no quote\n\n<div>no tag</div>\n\n[a]: no target\n\nsnake_case and 2 * 3 * 4\n"
    blocks = parse_blocks(read(tmp_path, text).text)
    assert {block.kind for block in blocks} == {Kind.PARAGRAPH}
    assert len(blocks) == 5
    assert "snake_case and 2 * 3 * 4" in read(tmp_path, text).text


def test_lists_keep_their_nesting_and_numbers(tmp_path: Path) -> None:
    text = "  1. Stop.\n  2. Restore:\n     - first\n     - last\n  3. Start.\n"
    (block,) = parse_blocks(read(tmp_path, text).text)
    assert block.kind is Kind.LIST
    assert len(block.children) == 3
    assert [inner.kind for inner in block.children[1].children] == [Kind.PARAGRAPH, Kind.LIST]


def test_title_without_headings(tmp_path: Path) -> None:
    assert read(tmp_path, "Opening hours\n\nMonday 8 to 17.\n").title == "Opening hours"
    assert read(tmp_path, "x " * 200).title == "file"


def test_a_page_named_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"HTML page by its content: rename it to \.html"):
        read(tmp_path, "<!DOCTYPE html><html><p>x</p></html>")


LINES = st.text(st.sampled_from("ab1 .-=*#>|`<_\t"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, min_size=1, max_size=12))
def test_no_word_is_lost(tmp_path: Path, lines: list[str]) -> None:
    text = "\n".join(lines)
    if not text.strip():
        return
    if not any(character.isprintable() and character not in " =-~*#`>|" for character in text):
        return  # Rules alone may leave no text.
    document = read(tmp_path, text)
    check_document(document)
    assert sorted(c for c in document.text if c in "ab1") == sorted(c for c in text if c in "ab1")
