"""The blocks of a Markdown text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ingest.markdown_blocks import Block, Kind, parse_blocks, plain_text

PARSER = MarkdownIt("commonmark").enable("table")


def outline(text: str) -> list[tuple[str, str]]:
    return [(block.kind.name, text[block.start : block.end]) for block in parse_blocks(text)]


def inside(blocks: Sequence[Block], kind: Kind) -> Iterator[Block]:
    for block in blocks:
        if block.kind is kind:
            yield block
        yield from inside(block.children, kind)


def test_kinds_and_places() -> None:
    text = (
        "# A\n\npara\nmore\n\n- one\n- two\n\n> quote\n\n```\ncode\n\n```\n\n    indented\n\n---\n\nSet\n===\n<div>\n"
    )
    assert outline(text) == [
        ("HEADING", "# A"),
        ("PARAGRAPH", "para\nmore"),
        ("LIST", "- one\n- two\n"),
        ("QUOTE", "> quote"),
        ("CODE", "```\ncode\n\n```"),
        ("CODE", "    indented"),
        ("OTHER", "---"),
        ("HEADING", "Set\n==="),
        ("OTHER", "<div>"),
    ]


def test_headings_have_level_and_text() -> None:
    first, second = parse_blocks("### *A* `b` #\n\nTitle\n---")
    assert (first.level, first.heading) == (3, "*A* `b`")
    assert (second.level, second.heading) == (2, "Title")


@pytest.mark.parametrize(
    ("inline", "shown"),
    [
        ("*a* **b** `c_d` ~~e~~", "a b c_d ~~e~~"),
        ("[text](target.html) ![picture](x.png)", "text picture"),
        ("a<br>b \\* &amp; <b>c</b>", "ab * & c"),
        ("two\nlines", "two lines"),
    ],
)
def test_plain_text(inline: str, shown: str) -> None:
    assert plain_text(inline) == shown


def test_a_table_follows_the_lines_before_it() -> None:
    text = "As follows:\n| a | b |\n|---|:-:|\n| 1 | 2 |\nloose row\n\nAfter."
    assert outline(text) == [
        ("PARAGRAPH", "As follows:"),
        ("TABLE", "| a | b |\n|---|:-:|\n| 1 | 2 |\nloose row"),
        ("PARAGRAPH", "After."),
    ]
    (table,) = inside(parse_blocks(text), Kind.TABLE)
    assert [text[row.start : row.end] for row in table.children] == ["| a | b |", "| 1 | 2 |", "loose row"]


def test_what_is_no_table() -> None:
    for text in ("a | b\nc | d", "| a | b |\n|---|", "a\n---|---", "| a |\n\n|---|", "```\n| a |\n|---|\n```"):
        assert not list(inside(parse_blocks(text), Kind.TABLE))


CELL = st.sampled_from(["", "a", "two words", "`code`", "x \\| y", "*b*", "-", "1.", "é"])
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=3), min_size=1, max_size=6)
PREFIX = st.sampled_from([("", ""), ("> ", "> "), ("- ", "  "), ("10. ", "    "), ("> - ", ">   "), ("  ", "  ")])


@given(ROWS, PREFIX, st.booleans(), st.sampled_from(["---", ":--", ":-:"]))
def test_tables_are_those_of_the_parser(rows: list[list[str]], prefix: tuple[str, str], edged: bool, rule: str) -> None:
    header = [f"h{cell}" for cell in rows[0]]
    lines = [" | ".join(row) for row in [header, [rule] * len(header), *(["r", *row] for row in rows[1:])]]
    edge = ("| ", " |") if edged else ("", "")
    text = "\n".join(prefix[number > 0] + edge[0] + line + edge[1] for number, line in enumerate(lines))
    tables = list(inside(parse_blocks(text), Kind.TABLE))
    tokens = PARSER.parse(text)
    assert len(tables) == sum(token.type == "table_open" for token in tokens) == 1
    assert len(tables[0].children) == sum(token.type == "tr_open" for token in tokens)


@given(st.text(st.sampled_from("ab#>-|=`*1. \n"), max_size=60))
def test_blocks_are_in_order_and_apart(text: str) -> None:
    def check(blocks: Sequence[Block], start: int, end: int) -> None:
        for block in blocks:
            assert start <= block.start <= block.end <= end
            check(block.children, block.start, block.end)
            start = block.end

    check(parse_blocks(text), 0, len(text))
