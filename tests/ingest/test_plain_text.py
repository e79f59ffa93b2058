from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.plain_text import plain_text, without_links


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        (
            "## 2.1 Getting a *token*\n\nIt is **valid** for `60` minutes.",
            "2.1 Getting a token\nIt is valid for 60 minutes.",
        ),
        ("| Code | Meaning |\n|---|:---:|\n| HB-423 | read-only |", "Code, Meaning\nHB-423, read-only"),
        ("see [`run()`](#subprocess.run) and ![a lamp](lamp.png)", "see run() and a lamp"),
        ("[a (b)](<x (1).html>) stays", "a (b) stays"),
        ("```python\nx = 2 * 3\n```", "x = 2 * 3"),
        ("**os.makedirs(*****name*****,** ***mode=0o777*****)**", "os.makedirs(name, mode=0o777)"),
        (r"\*not a mark\* and a\_b \| c", "*not a mark* and a_b | c"),
        ("sp_close_month and __init__ keep their lines", "sp_close_month and __init__ keep their lines"),
        ("a | b", "a | b"),
        ("", ""),
    ],
)
def test_marks_go_and_words_stay(markdown: str, plain: str) -> None:
    assert plain_text(markdown) == plain


@given(st.text(alphabet="ab1 |*`#-[]()<>\\\n", max_size=60))
def test_nothing_is_added_but_commas_between_cells(markdown: str) -> None:
    plain = plain_text(markdown)
    for character in "ab1":
        assert plain.count(character) <= markdown.count(character)
    assert len(plain.replace(", ", "")) <= len(markdown)


@given(st.text(alphabet="ab1 .\n", max_size=60))
def test_prose_keeps_every_word(prose: str) -> None:
    assert plain_text(prose).split() == prose.split()


def test_links_alone_may_go() -> None:
    assert without_links("**see** [it](x.html) | 1") == "**see** it | 1"
