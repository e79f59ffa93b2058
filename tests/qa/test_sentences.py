from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qa.sentences import pieces


def cut(text: str) -> list[str]:
    return [piece.of(text) for piece in pieces(text)]


@pytest.mark.parametrize(
    "text",
    [
        "The interval is 3.1 s, e.g. for DN32.",
        "See No. 4, Fig. 3 and approx. 20 others.",
        "Use at most max. 5 A here.",
        "Ask J. Smith about it.",
        "Call `stop(). Then` at once.",
        "It waits … then goes on.",
        "Open harbour.example.com and log in.",
        "| a. B | c. D |",
        "## 8.3 Tamper alarm. How it works",
        "A long line that an editor\nhas wrapped in the middle.",
    ],
)
def test_one_piece(text: str) -> None:
    assert cut(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("The limit is 5 A. Then stop.", ["The limit is 5 A.", "Then stop."]),
        ("Tools, gaskets etc. The rest follows.", ["Tools, gaskets etc.", "The rest follows."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("**Stop.** Go on.", ["**Stop.**", "Go on."]),
        ("Run it. usp_close_period waits.", ["Run it.", "usp_close_period waits."]),
        ("# Alarms\nC-09 is raised.", ["# Alarms", "C-09 is raised."]),
        ("First.\n\nSecond", ["First.", "Second"]),
        ("Do this:\n- open it\n- close it. Wait.", ["Do this:", "- open it", "- close it.", "Wait."]),
        ("1. Open it.\n2. Close it\n   slowly.", ["1. Open it.", "2. Close it\n   slowly."]),
        ("- a\n  - b\n    c", ["- a", "- b\n    c"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\nAfter it.", ["| a | b |\n|---|---|", "| 1 | 2 |", "After it."]),
        ("Text:\n```sh\nrun. Now\n\nstop.\n```\nDone.", ["Text:", "```sh\nrun. Now\n\nstop.\n```", "Done."]),
        ("```\nnever closed. It", ["```\nnever closed. It"]),
        ("Above\n\n---\n\nBelow", ["Above", "---", "Below"]),
        ("\r\nOne.\r\nTwo.\r\n", ["One.", "Two."]),
        ("これは一。これは二。", ["これは一。", "これは二。"]),
    ],
)
def test_pieces(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\n\t"])
def test_nothing_in_nothing(text: str) -> None:
    assert pieces(text) == ()


FRAGMENTS = [
    *("# H", "- a", "1. b", "|x|y|", "|---|---|", "```", "~~~", "***", "===", "> q", "`a. b`"),
    *("Some words. More", "e.g. this", "3.1", "…", "。", "😀", "Öl! ", " ", "\n", "\r\n", "\u2028"),
]
markdown = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)


@given(st.one_of(markdown, st.text()))
@example("a\x0bb. C")
@example("`" * 9)
def test_pieces_are_ordered_disjoint_and_complete(text: str) -> None:
    found = pieces(text)
    end = 0
    for piece in found:
        assert not text[end : piece.start].strip()
        assert piece.of(text) == piece.of(text).strip() != ""
        end = piece.end
    assert not text[end:].strip()
