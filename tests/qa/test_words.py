from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.words import Kind, content_stems, key, number_form, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HB-423 | 423", [("hb-423", Kind.CODE), ("423", Kind.NUMBER)]),
        ("usp_close_period", [("usp_close_period", Kind.CODE)]),
        ("DN32: IP65", [("dn32", Kind.CODE), ("ip65", Kind.CODE)]),
        ("read-only", [("read", Kind.WORD), ("only", Kind.WORD)]),
        ("−110 dBm", [("-110", Kind.NUMBER), ("dbm", Kind.WORD)]),
        ("5-10", [("5", Kind.NUMBER), ("10", Kind.NUMBER)]),
        ("fifteen minutes", [("15", Kind.NUMBER), ("minutes", Kind.WORD)]),
        ("don’t", [("don't", Kind.WORD)]),
        ("**bold** “quoted”", [("bold", Kind.WORD), ("quoted", Kind.WORD)]),
        ("7.50 €", [("7.5", Kind.NUMBER), ("€", Kind.SYMBOL)]),
        ("Größe", [("größe", Kind.WORD)]),
        ("The end 4.", [("the", Kind.WORD), ("end", Kind.WORD), ("4", Kind.NUMBER)]),
    ],
)
def test_tokens(text: str, expected: list[tuple[str, Kind]]) -> None:
    assert [(token.form, token.kind) for token in tokens(text)] == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("1,000", "1000"), ("24.00", "24"), ("7,50", "7.5"), ("03:30", "3:30"), ("−5", "-5"), ("1,234,567", "1234567")],
)
def test_spellings_of_a_number(one: str, other: str) -> None:
    assert number_form(one) == number_form(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1.5", "15"), ("3.1", "3.10.1"), ("-5", "5"), ("3:30", "330"), ("0.5", "5")]
)
def test_different_numbers(one: str, other: str) -> None:
    assert number_form(one) != number_form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("opened", "opening"), ("respond", "response"), ("batteries", "battery"), ("stopped", "stop"), ("uses", "use")],
)
def test_forms_of_a_word(one: str, other: str) -> None:
    assert key(tokens(one)[0]) == key(tokens(other)[0])


@pytest.mark.parametrize(("one", "other"), [("open", "close"), ("gas", "gates"), ("meter", "metal"), ("sent", "send")])
def test_different_words(one: str, other: str) -> None:
    assert key(tokens(one)[0]) != key(tokens(other)[0])


def test_function_words_are_no_content() -> None:
    assert content_stems("What is the window of it, and how long is that?") == ["window", "long"]


@given(st.text())
def test_tokens_stand_where_they_say(text: str) -> None:
    end = 0
    for token in tokens(text):
        assert end <= token.start < token.end
        assert text[token.start : token.end] == token.surface
        end = token.end


@given(st.integers(0, 10**9))
def test_a_number_is_itself_with_and_without_separators(value: int) -> None:
    assert number_form(f"{value:,}") == number_form(str(value)) == number_form(f"{value}.00") == str(value)
