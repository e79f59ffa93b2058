"""Passages that follow the structure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.contextual import contextual_text
from ingest.document import Passage
from ingest.sections import StructureSplitter
from ingest.splitter import Splitter
from tests.contracts.splitter import SplitterContract, check_passages, document_of
from tests.fakes.reading import ParagraphSplitter

ROOM = 30


def count_words(text: str) -> int:
    """Tokens of the tests: words, of which a long one is several."""
    return sum(1 + len(word) // 20 for word in text.split())


def split(text: str, room: int = ROOM) -> Sequence[Passage]:
    document = document_of(text)
    splitter = StructureSplitter(count_words, max_tokens=room, window=10 * room)
    check_passages(splitter, document)
    return splitter.split(document)


def texts(text: str, room: int = ROOM) -> list[str]:
    return [passage.text for passage in split(text, room)]


def sentences(count: int, name: str = "Sentence") -> str:
    return " ".join(f"{name} {number} has six words." for number in range(count))


class TestParagraphSplitter(SplitterContract):
    @pytest.fixture
    def splitter(self) -> Splitter:
        return ParagraphSplitter()


class TestStructureSplitter(SplitterContract):
    @pytest.fixture
    def splitter(self) -> Splitter:
        return StructureSplitter(count_words, max_tokens=ROOM, window=4 * ROOM)


def test_each_section_is_a_passage_with_its_heading() -> None:
    passages = split("# T\n\nIntro.\n\n## A\n\nText of a.\n\nMore of a.\n\n### A1\n\nDeep.\n\n## B\n\nText of b.\n")
    assert [passage.text for passage in passages] == [
        "# T\n\nIntro.",
        "## A\n\nText of a.\n\nMore of a.",
        "### A1\n\nDeep.",
        "## B\n\nText of b.",
    ]
    assert [passage.section_path for passage in passages] == [("T",), ("T", "A"), ("T", "A", "A1"), ("T", "B")]


def test_a_heading_without_text_stands_before_the_next_section_and_gives_no_name() -> None:
    (passage,) = split("# T\n\n## A\n\n### A1\n\nDeep.\n")
    assert passage.text == "# T\n\n## A\n\n### A1\n\nDeep."
    assert passage.section_path == ("T", "A", "A1")


def test_a_heading_at_the_end_is_not_lost() -> None:
    assert texts("# T\n\nText.\n\n## Empty\n") == ["# T\n\nText.", "## Empty"]


def test_a_long_section_is_cut_between_paragraphs() -> None:
    paragraphs = [sentences(3, name) for name in ("Alpha", "Beta", "Gamma")]
    parts = texts("# T\n\n" + "\n\n".join(paragraphs), room=40)
    assert parts == ["# T\n\n" + paragraphs[0], "\n\n".join(paragraphs[1:])]


def test_passages_of_a_section_are_of_like_size() -> None:
    sizes = [count_words(text) for text in texts("\n\n".join(sentences(1) for _ in range(11)), room=50)]
    assert sizes == [30, 25]


def test_a_paragraph_is_cut_between_sentences() -> None:
    parts = texts(sentences(12), room=30)
    assert all(part.startswith("Sentence") and part.endswith("words.") for part in parts)
    assert " ".join(parts) == sentences(12)


def test_a_sentence_is_cut_between_words_and_a_word_between_characters() -> None:
    assert all(count_words(part) <= 10 for part in texts("word " * 100, room=10))
    assert all(count_words(part) <= 10 for part in texts("x" * 5_000, room=10))


def test_list_items_stay_whole() -> None:
    items = [f"{number}. {sentences(2, 'Item')}" for number in range(1, 8)]
    for part in texts("Do this:\n\n" + "\n".join(items), room=30):
        assert all(line in items for line in part.split("\n") if line and not line.startswith("Do"))


def test_a_line_that_announces_a_list_stays_with_it() -> None:
    items = "\n".join(f"- {sentences(1, 'Item')}" for _ in range(4))
    parts = texts(f"{sentences(4)}\n\nThese are needed:\n\n{items}", room=30)
    assert parts[1].startswith("These are needed:\n\n- Item")


def test_a_table_that_fits_is_never_cut() -> None:
    table = "| a | b |\n|---|---|\n" + "\n".join(f"| {number} | x |" for number in range(5))
    parts = texts(f"{sentences(3)}\n\n{table}\n\n{sentences(3)}", room=40)
    assert sum(table in part for part in parts) == 1


def test_a_long_table_is_cut_between_rows_and_carries_its_header() -> None:
    rows = [f"| row {number} | some more words |" for number in range(30)]
    passages = split("# T\n\n| Name | Value |\n|---|---|\n" + "\n".join(rows) + "\n\nAfter it.", room=40)
    assert len(passages) > 3
    assert passages[0].text.startswith("# T\n\n| Name | Value |\n|---|---|\n| row 0")
    assert passages[0].lead_in == ""
    for passage in passages[1:]:
        assert passage.lead_in == "| Name | Value |"
        assert all(line in rows for line in passage.text.removesuffix("After it.").strip().split("\n"))
        assert count_words(passage.lead_in) + count_words(passage.text) <= 40
    assert "Name, Value\nrow" in contextual_text("T", passages[1])


def test_an_empty_header_is_not_repeated() -> None:
    rows = "\n".join(f"| row {number} | some more words |" for number in range(30))
    assert {passage.lead_in for passage in split(f"| | |\n|---|---|\n{rows}")} == {""}


def test_code_is_cut_between_lines_at_blank_ones_first() -> None:
    blocks = ["\n".join(f"call number {block} {line}" for line in range(4)) for block in range(4)]
    parts = texts("```sh\n" + "\n\n".join(blocks) + "\n```", room=45)
    assert parts == ["```sh\n" + "\n\n".join(blocks[:2]), "\n\n".join(blocks[2:]) + "\n```"]


def test_a_long_section_path_takes_from_the_room() -> None:
    name = "very long heading of many words " * 2
    document = document_of(f"# {name}\n\n## {name}\n\n" + sentences(40))
    splitter = StructureSplitter(count_words, max_tokens=60, window=80)
    for passage in splitter.split(document):
        assert count_words(contextual_text("T", passage)) <= 80


def test_blocks_inside_quotes_and_items_are_cut_too() -> None:
    quote = "\n>\n".join(f"> {sentences(3)}" for _ in range(3))
    item = "1. " + "\n\n   ".join(sentences(3) for _ in range(3))
    for text in (quote, item):
        parts = texts(text)
        assert len(parts) > 1
        assert all(part.rstrip("> \n").endswith("words.") for part in parts)


WORDS = st.lists(
    st.sampled_from(["a", "bc", "def.", "Ghi", "*", "`x`", "|", "1.", "-", "#", "é", "\u3002"]), max_size=30
)
LINES = st.builds(
    lambda indent, mark, words: " " * indent + mark + " ".join(words),
    st.sampled_from([0, 0, 0, 2, 4]),
    st.sampled_from(
        ["", "", "# ", "## ", "### ", "- ", "1. ", "> ", "```", "| a | b |", "|---|---|", "[x]: y", "<div>"]
    ),
    WORDS,
)
MARKDOWN = st.lists(st.one_of(LINES, st.just("")), min_size=1, max_size=40).map("\n".join)


@given(MARKDOWN, st.integers(4, 40), st.sampled_from([0, 17]))
def test_the_law_holds_for_any_markdown(text: str, room: int, page_length: int) -> None:
    document = document_of(text, page_length)
    splitter = StructureSplitter(count_words, max_tokens=room, window=2 * room)
    check_passages(splitter, document)
    passages = splitter.split(document)
    assert all(one.span.end <= two.span.start for one, two in itertools.pairwise(passages))
    assert all(count_words(passage.text) <= room for passage in passages)


@given(MARKDOWN)
def test_no_passage_holds_words_of_two_sections(text: str) -> None:
    document = document_of(text)
    for passage in StructureSplitter(count_words, max_tokens=200, window=2_000).split(document):
        assert passage.section_path == document.section_path_at(passage.span.end - 1)


def test_a_long_header_is_repeated_with_the_first_words_of_each_column() -> None:
    header = (
        "| Flow in litres per minute at 3 bar | Power that the motor takes at full load | Weight without oil in kg |"
    )
    rows = "\n".join(f"| {n} l | {n} W | {n} kg |" for n in range(30))
    passages = split(f"{header}\n|---|---|---|\n{rows}")
    assert len(passages) > 3
    assert {passage.lead_in for passage in passages[1:]} == {"| Flow in litres | Power that the | Weight without oil |"}
    for passage in passages[1:]:
        assert count_words(passage.lead_in) + count_words(passage.text) <= ROOM


def test_a_header_of_too_many_columns_is_not_repeated() -> None:
    columns = "|" + " column |" * 30
    rows = "\n".join("|" + f" {n} |" * 30 for n in range(5))
    assert {passage.lead_in for passage in split(f"{columns}\n|{'---|' * 30}\n{rows}")} == {""}
