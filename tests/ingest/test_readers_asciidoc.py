"""AsciiDoc."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.reader import Reader, UnreadableFile
from ingest.readers.asciidoc.reader import AsciiDocReader
from tests.contracts.reader import ReaderContract

SAMPLE = """\
= Pumps
Ann Lee <ann@example.com>
v2.1, 2026-03-01
:product: P-200
:toc:

// not for readers
The {product} holds *six* bar, see https://example.com/l[the limits] and `run --now`. +
Second line.

== Limits

[cols="1,2",options="header"]
|===
|Part |bar

|valve
|6
|tap |3 \\| 4
|===

* one
** deep
* two
+
----
$ run
----

//

. Stop.
. Restore.

.Example
[source,python]
----
start(x) # <1>
----
<1> Starts it.

NOTE: Hot.
"""


def text(tmp_path: Path, content: str) -> str:
    path = tmp_path / "file.adoc"
    path.write_text(content, encoding="utf-8")
    return AsciiDocReader().read(path, "file.adoc").text


class TestAsciiDocReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return AsciiDocReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.adoc"
        path.write_text(SAMPLE, encoding="utf-8")
        return path


def test_a_file(tmp_path: Path) -> None:
    assert text(tmp_path, SAMPLE) == (
        "# Pumps\n\n"
        "The P-200 holds **six** bar, see [the limits](https://example.com/l) and `run --now`.  \nSecond line.\n\n"
        "## Limits\n\n"
        "| Part | bar |\n|---|---|\n| valve | 6 |\n| tap | 3 \\| 4 |\n\n"
        "- one\n  - deep\n- two\n\n  ```\n  $ run\n  ```\n"
        "1. Stop.\n2. Restore.\n\n"
        "**Example**\n\n```python\nstart(x)\n```\n\n1. Starts it.\n\n"
        "**Note**\n\nHot.\n"
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a__b__c and _d_", "a*b*c and *d*"),
        ("snake_case_name 2*3*4", "snake_case_name 2\\*3\\*4"),
        ("<<limits,the limits>> <<x>>", "the limits x"),
        ("xref:other.adoc#a[Other] link:a.html[A^]", "Other [A](a.html)"),
        ("H~2~O 10^2^", "H₂O 10²"),
        ("image:a.png[A pump,200] kbd:[Ctrl+C] menu:File[Save > As]", "![A pump]() `Ctrl+C` File > Save > As"),
        ("{undefined} \\{product} footnote:[See below.]", "{undefined} {product} (See below.)"),
        ("`+a *b*+` +++<b>x</b>+++ pass:[y]", "`a *b*` y"),
        ("Press `Esc`, then *`F1`*.", "Press `Esc`, then **F1**.".replace("**F1**", "**`F1`**")),
    ],
)
def test_forms_and_links(tmp_path: Path, written: str, expected: str) -> None:
    assert text(tmp_path, f"{written}\n") == f"{expected}\n"


def test_tables_with_spans_and_without_a_header(tmp_path: Path) -> None:
    table = "[cols=3*]\n|===\n2+|a .2+^|b\n|c|d\n|e 2*|f\n|===\n"
    assert text(tmp_path, table) == "| | | |\n|---|---|---|\n| a | a | b |\n| c | d | b |\n| e | f | f |\n"


def test_terms_blocks_and_pictures(tmp_path: Path) -> None:
    content = """\
C-09:: Tamper.
+
Reset it.
C-10::
  Radio.

[WARNING]
====
Hot.

. One
====

____
Quoted.
____

....
as it  is
....

image::pump.png[A pump]

  indented

////
secret
////

++++
<script>x</script>
++++

include::/etc/passwd[]
ifdef::x[]
Kept.
endif::[]
"""
    assert text(tmp_path, content) == (
        "**C-09**\n\n- Tamper.\n\n  Reset it.\n\n**C-10**\n\n- Radio.\n\n"
        "**Warning**\n\nHot.\n\n1. One\n\n> Quoted.\n\n```\nas it  is\n```\n\n![A pump]()\n\n"
        "```\n  indented\n```\n\nKept.\n"
    )


def test_attributes_that_hold_each_other_do_not_grow(tmp_path: Path) -> None:
    definitions = "".join(f":a{n}: {f'{{a{n - 1}}} ' * 10}\n" for n in range(1, 30))
    assert len(text(tmp_path, f":a0: ha\n{definitions}\nx {{a29}}\n")) < 2_000


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    blocks = "".join("=" * (4 + depth) + "\n" for depth in range(500))
    with pytest.raises(UnreadableFile, match="nested deeper than 150"):
        text(tmp_path, blocks + "x\n")
