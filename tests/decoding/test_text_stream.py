"""Streamed text is whole characters, joins up to the decoded text, and never shows a stop string."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from decoding.text_stream import TextStream
from tests.fakes.decoding import ByteTokenizer

TOKENIZER = ByteTokenizer()
TEXT = st.text(st.sampled_from("abc \n€😀é"), max_size=40)


def stream(tokens: list[int], stop: tuple[str, ...] = ()) -> tuple[list[str], TextStream]:
    text = TextStream(TOKENIZER, stop)
    pieces = [text.feed(token) for token in tokens]
    return [*pieces, text.finish()], text


@given(TEXT)
def test_pieces_are_whole_characters_and_join_up(text: str) -> None:
    pieces, state = stream(TOKENIZER.encode(text))
    assert "".join(pieces) == text == state.text
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(pieces)


@given(st.lists(st.integers(0, 255), max_size=30))
def test_broken_characters_hold_nothing_back_for_ever(tokens: list[int]) -> None:
    text = TextStream(TOKENIZER, ())
    shown = ""
    for fed, token in enumerate(tokens, 1):
        shown += text.feed(token)
        assert text._waiting <= 3, fed
    assert shown + text.finish() == text.text
    assert bool(text.text) == bool(tokens)


@given(TEXT, st.lists(st.text(st.sampled_from("abc \n€"), min_size=1, max_size=4), min_size=1, max_size=3))
def test_the_first_stop_string_ends_it(text: str, stops: list[str]) -> None:
    pieces, state = stream(TOKENIZER.encode(text), tuple(stops))
    # A stop string counts as soon as it is complete, so one that ends earlier beats one that begins earlier.
    ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
    if not ends:
        assert "".join(pieces) == text
        assert not state.stopped
    else:
        seen = text[: min(ends)]
        assert "".join(pieces) == seen[: min(seen.index(stop) for stop in stops if stop in seen)]
        assert state.stopped


def test_what_may_become_a_stop_string_waits() -> None:
    text = TextStream(TOKENIZER, ("\nUser:",))
    assert [text.feed(token) for token in b"ok\nUse"] == ["o", "k", "", "", "", ""]
    assert text.feed(ord("d")) == "\nUsed"


def test_nothing_comes_after_the_stop() -> None:
    text = TextStream(TOKENIZER, ("x",))
    assert [text.feed(token) for token in b"axb"] == ["a", "", ""]
    assert (text.finish(), text.text) == ("", "a")


class PairTokenizer(ByteTokenizer):
    """Two bytes a token, so that one token may end a character and begin the next."""

    def encode(self, text: str) -> list[int]:
        raw = text.encode()
        return [int.from_bytes(b"\1" + raw[at : at + 2]) for at in range(0, len(raw), 2)]

    def decode(self, tokens: Sequence[int]) -> str:
        return b"".join(token.to_bytes(3).lstrip(b"\0")[1:] for token in tokens).decode(errors="replace")


@given(TEXT)
def test_tokens_across_characters_break_none(text: str) -> None:
    tokenizer = PairTokenizer()
    state = TextStream(tokenizer, ())
    tokens = tokenizer.encode(text)
    shown = ""
    for fed, token in enumerate(tokens, 1):
        shown += state.feed(token)
        assert shown == tokenizer.decode(tokens[:fed]).rstrip("\N{REPLACEMENT CHARACTER}")
    assert shown + state.finish() == text == state.text
