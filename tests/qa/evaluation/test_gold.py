"""Gold quotes are found in canonical text, whatever marks and spaces stand between their words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Document, PageMap, Section, Span
from qa.evaluation.gold import CollectionUnfit, GoldMissing, find_quote, golds_in, locate
from qa.evaluation.questions import GoldQuestion, GoldQuote
from tests.fakes.catalog import MemoryCatalog
from tests.qa.evaluation.material import question

TEXT = """# Manual

It is **5 s** long.

## Codes

| Code | Meaning |
|---|---|
| `C-11` | Hotter than
130 °C |

### Reset

It is 7 s long, below −5 °C.
"""


def document() -> Document:
    codes, reset = TEXT.index("## Codes"), TEXT.index("### Reset")
    return Document(
        source="m.md",
        title="Manual",
        text=TEXT,
        content_hash="0" * 64,
        media_type="text/markdown",
        pages=PageMap(),
        sections=(
            Section(("Manual",), 1, Span(0, len(TEXT))),
            Section(("Manual", "Codes"), 2, Span(codes, len(TEXT))),
            Section(("Manual", "Codes", "Reset"), 3, Span(reset, len(TEXT))),
        ),
    )


def gold(quote: str, *section: str) -> GoldQuote:
    return GoldQuote(document="m.md", section=section, quote=quote)


def test_marks_do_not_count() -> None:
    found = locate(gold("It is 5 s long.", "Manual"), document())
    assert found.span.of(TEXT) == "It is **5 s** long."
    assert found.section.of(TEXT) == "# Manual\n\nIt is **5 s** long.\n\n"


def test_a_table_row_across_lines() -> None:
    found = locate(gold("C-11 | Hotter than 130 °C", "Manual", "Codes"), document())
    assert found.span.of(TEXT) == "C-11` | Hotter than\n130 °C"
    assert found.section.of(TEXT).startswith("## Codes")
    assert "### Reset" not in found.section.of(TEXT)


def test_the_quote_is_looked_for_in_its_section_and_named_by_the_innermost() -> None:
    found = locate(gold("It is", "Manual", "Codes"), document())
    assert found.span.start == TEXT.index("It is 7 s")
    assert found.section_path == ("Manual", "Codes", "Reset")


def test_dashes_are_alike() -> None:
    assert locate(gold("below -5 °C", "Manual", "Codes", "Reset"), document()).span.of(TEXT) == "below −5 °C"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(GoldMissing, match="no section 'Manual > Cods'; its sections: Manual; Manual > Codes;"):
        locate(gold("It is", "Manual", "Cods"), document())
    with pytest.raises(GoldMissing, match="but elsewhere in the document"):
        locate(gold("5 s", "Manual", "Codes"), document())
    with pytest.raises(GoldMissing, match="but nowhere in the document"):
        locate(gold("6 s", "Manual", "Codes"), document())


def test_a_quote_of_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="marks and spaces"):
        find_quote("** |", TEXT)


def about(source: str, quote: str = "It is 5 s long.") -> GoldQuestion:
    return question("q", gold=[{"document": source, "section": ["Manual"], "quote": quote}])


def test_golds_are_looked_up_in_the_collection_that_is_asked() -> None:
    catalog = MemoryCatalog()
    catalog.publish(catalog.prepare("manuals", document(), []))
    assert golds_in(catalog, "manuals", [about("m.md"), question("u", "unanswerable")]) == {
        "q": (locate(gold("It is 5 s long.", "Manual"), document()),),
        "u": (),
    }
    with pytest.raises(CollectionUnfit, match=r"'manuals' lacks 1 of 2 documents, n\.md first; .* docqa ingest"):
        golds_in(catalog, "manuals", [about("m.md"), about("n.md")])
    with pytest.raises(CollectionUnfit, match="'default' is empty"):
        golds_in(catalog, "default", [question("u", "unanswerable")])
    with pytest.raises(GoldMissing, match="nowhere in the document"):
        golds_in(catalog, "manuals", [about("m.md", quote="It is 6 s long.")])


@given(st.text("ab *|\n−", max_size=40), st.text("abc", min_size=1, max_size=5), st.text("ab *|\n−", max_size=40))
def test_a_quote_that_is_there_is_found_at_its_own_characters(before: str, quote: str, after: str) -> None:
    text = before + quote + after
    found = find_quote(quote, text)
    assert found is not None
    assert found.of(text).replace("*", "") == quote
    assert found.start <= len(before)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_offsets_stay_inside_the_range_that_is_searched(before: str, middle: str, after: str) -> None:
    text = f"{before}x{middle}y{after}"
    within = Span(len(before), len(before) + len(middle) + 2)
    found = find_quote(f"x{middle}y", text, within)
    assert found is not None
    assert within.contains(found)


def test_what_is_stated_elsewhere_too_is_enough() -> None:
    codes = {"document": "m.md", "section": ["Manual", "Codes"], "quote": "C-11 | Hotter than 130 °C"}
    start = {"document": "m.md", "section": ["Manual"], "quote": "It is 5 s long."}
    asked = question("q", gold=[{**start, "also": [codes]}])
    catalog = MemoryCatalog()
    catalog.publish(catalog.prepare("default", document(), []))
    (found,) = golds_in(catalog, "default", [asked])["q"]
    assert found.also == (locate(gold("C-11 | Hotter than 130 °C", "Manual", "Codes"), document()),)
    assert [place.section_path[-1] for place in found.places] == ["Manual", "Codes"]
    with pytest.raises(GoldMissing):
        golds_in(catalog, "default", [question("q", gold=[{**start, "also": [{**codes, "quote": "C-12"}]}])])
