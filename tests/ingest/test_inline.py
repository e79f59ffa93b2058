"""Formatted text and its Markdown: what is written shows as what was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ingest import markdown_writer as md
from ingest.inline import Run, code_span, escape, lowered, raised, render
from ingest.markdown_blocks import Kind, parse_blocks, plain_text

# What Markdown gives a meaning, with a few letters and spaces between.
MARKED = st.text(st.sampled_from("ab1 \\`*_<>[]()!&;#-+.:|~=/\n"), max_size=40)


def words(text: str) -> list[str]:
    return text.split()


@given(MARKED)
def test_escaped_text_shows_as_it_was(text: str) -> None:
    assert words(plain_text(escape(text))) == words(text)


@given(MARKED)
def test_a_paragraph_stays_one_paragraph_with_its_text(text: str) -> None:
    inline = render([Run(text)])
    written = md.paragraph(inline).text
    blocks = parse_blocks(written)
    assert [block.kind for block in blocks] == ([Kind.PARAGRAPH] if text.strip() else [])
    assert words(plain_text(written)) == words(text)


@given(st.lists(st.tuples(MARKED, st.booleans(), st.booleans(), st.booleans()), max_size=4))
def test_forms_change_no_word(parts: list[tuple[str, bool, bool, bool]]) -> None:
    runs = [Run(f"{text} ", bold, italic, code) for text, bold, italic, code in parts]
    assert words(plain_text(render(runs))) == words("".join(run.text for run in runs))


@given(st.lists(st.lists(MARKED, min_size=1, max_size=4), min_size=1, max_size=4))
def test_cells_stay_in_their_row_and_column(rows: list[list[str]]) -> None:
    written = md.table([[render([Run(cell)], line_break=" ") for cell in row] for row in rows]).text
    width = max(len(row) for row in rows)
    expected = [[words(cell) for cell in row] + [[]] * (width - len(row)) for row in rows]
    assert table_of(written) == (expected if any(cell for row in expected for cell in row) else [])


def table_of(markdown: str) -> list[list[list[str]]]:
    rows: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(words(plain_text(token.content)))
    return rows


@given(st.text(st.sampled_from("a` \\*|"), min_size=1, max_size=20).filter(lambda text: text.strip()))
def test_a_code_span_holds_its_text(text: str) -> None:
    (token,) = MarkdownIt("commonmark").parseInline(code_span(text))
    children = token.children or []
    assert [child.type for child in children] == ["code_inline"]
    assert words(children[0].content) == words(text)


@given(st.text(st.sampled_from("a`~ \n#|-"), max_size=30))
def test_a_code_block_holds_its_lines(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(md.code(text, "sh").text)
    if not text.strip():
        assert tokens == []
    else:
        assert [token.type for token in tokens] == ["fence"]
        assert tokens[0].content == text.strip("\n") + "\n"


def test_plain_text_is_left_alone() -> None:
    for text in ("usp_post_corrections of 4 * 3 cm", "a < b & c", "see [12], R&D", "5 % of 30.00 €", "C:\\data"):
        assert escape(text) == text


def test_runs_of_one_form_share_their_marks() -> None:
    runs = [Run("Press ", bold=True), Run("Reset", bold=True), Run(" for "), Run("10 s", italic=True), Run(" now.")]
    assert render(runs) == "**Press Reset** for *10 s* now."


def test_blanks_at_the_edge_of_a_form_stand_outside() -> None:
    assert render([Run("a"), Run(" b ", bold=True), Run("c")]) == "a **b** c"


def test_code_links_and_pictures() -> None:
    runs = [Run("run "), Run("a`b", code=True), Run(" or "), Run("see", link="x (1).html"), Run("A cat", image=True)]
    assert render(runs) == "run ``a`b`` or [see](<x%20(1).html>)![A cat]()"


def test_a_link_that_could_run_something_keeps_only_its_text() -> None:
    assert render([Run("click", link="javascript:alert(1)")]) == "click"
    assert render([Run("click", link="DATA:text/html,x")]) == "click"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("2", "²"), ("-1", "⁻¹"), ("n", "ⁿ"), ("x", "^x"), ("n-k", "^(n-k)"), ("[3]", "[3]"), ("th", "th")],
)
def test_superscript(text: str, shown: str) -> None:
    assert raised(text) == shown


def test_subscript() -> None:
    assert "CO" + lowered("2") == "CO₂"
    assert lowered("max") == "max"


def test_nested_items_are_one_list() -> None:
    inner = md.item("-", [md.paragraph("b"), md.paragraph("more")])
    text = md.join([md.item("10.", [md.paragraph("a"), inner]), md.item("11.", [md.paragraph("c")])])
    (outer,) = parse_blocks(text)
    assert outer.kind is Kind.LIST
    assert [item.kind for item in outer.children] == [Kind.ITEM, Kind.ITEM]
    assert [block.kind for block in outer.children[0].children] == [Kind.PARAGRAPH, Kind.LIST]
    assert text == "10. a\n    - b\n\n      more\n11. c"
