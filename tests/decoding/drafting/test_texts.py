"""Texts are searched for what the context ends like, and read on from there."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.draft import Origin
from decoding.drafting.candidates import LONGEST_MATCH, OUTPUT, RECENT, Candidate, Evidence
from decoding.drafting.texts import MOST_PLACES, Place, TextIndex, TextSource, TokenClasses

CLASSES = TokenClasses([token % 4 for token in range(8)])
PLAIN = TokenClasses()
TOKENS = st.lists(st.integers(0, 7), min_size=1, max_size=60)


def by_definition(text: list[int], context: list[int], width: int) -> list[Place]:
    """Compare every place with the context's end, the slow way."""
    places = []
    for end in range(len(text) - 2, -1, -1):
        length = 0
        while length < min(len(context), end + 1) and text[end - length] % 4 == context[-1 - length] % 4:
            length += 1
        if length >= width:
            places.append(Place(end, length))
    return places[:MOST_PLACES]


@given(TOKENS, st.lists(st.integers(0, 7), min_size=2, max_size=LONGEST_MATCH), st.sampled_from([1, 2]))
def test_finds_what_its_definition_finds(text: list[int], context: list[int], width: int) -> None:
    index = TextIndex("text", CLASSES, width)
    for at in range(0, len(text), 7):
        index.append(text[at : at + 7])
    assert index.find(context) == by_definition(text, context, width)


def source(prompt: list[int], output: list[int] | None = None, classes: TokenClasses = PLAIN) -> TextSource:
    made = TextSource("text", classes)
    made.append(prompt)
    if output:
        made.append(output)
    return made


def candidates(made: TextSource, *guesses: int) -> dict[int, Candidate]:
    cursor = made.cursor()
    for guess in guesses:
        assert cursor is not None
        cursor = cursor.follow(guess)
    return {candidate.token: candidate for candidate in cursor.candidates()} if cursor is not None else {}


@pytest.mark.parametrize(
    ("places", "part"), [([5], 0), ([45], 1), ([99], 2), ([45, 145], 3), ([199], RECENT), ([45, 199], RECENT)]
)
def test_evidence_tells_where_in_the_prompt_a_place_lies(places: list[int], part: int) -> None:
    """A prompt of 200 tokens in fifths; the last 40 are recent, wherever else the same is found."""
    prompt = [0] * 200
    for place in places:
        prompt[place - 3 : place] = [3, 5, 7]
    found = candidates(source([*prompt], [3, 5]))
    assert found[7].evidence.part == part


def test_what_the_output_said_itself_is_told_apart() -> None:
    found = candidates(source([*([0] * 100), 3, 5, 7], [3, 5, 6, 3, 5]))
    assert {token: candidate.evidence.part for token, candidate in found.items()} == {7: RECENT, 6: OUTPUT}


def test_each_continuation_has_its_longest_match_and_latest_place() -> None:
    found = candidates(source([1, 2, 3, 9, 2, 3, 4, 7, 3, 9, 2, 3]))
    assert found == {
        9: Candidate(9, Evidence("text", 2, 4, RECENT), Origin("prompt", 3)),
        4: Candidate(4, Evidence("text", 3, 4, RECENT), Origin("prompt", 6)),
    }


def test_a_guess_is_followed_where_it_was_read() -> None:
    made = source([5, 1, 2, 3, 8, 1, 2, 4, 6, 9, 1, 2])
    assert set(candidates(made)) == {3, 4}
    assert candidates(made, 4)[6].origin == Origin("prompt", 8)
    assert candidates(made, 4)[6].evidence.match_length == 3
    assert set(candidates(made, 4, 6)) == {9}


def test_a_guess_of_another_source_is_looked_up() -> None:
    made = source([5, 1, 2, 3, 8, 6, 7, 1, 2])
    assert candidates(made, 6)[7].evidence.match_length == 1
    assert candidates(made, 77) == {}


def test_text_that_goes_round_is_read_round() -> None:
    made = source([4, 1, 2, 3, 1, 2, 3])
    guessed: list[int] = []
    for _ in range(9):
        (token,) = candidates(made, *guessed)
        guessed.append(token)
    assert guessed == [1, 2, 3] * 3


def test_tokens_of_one_class_match() -> None:
    found = candidates(source([6, 1, 2, 3, 6, 5], classes=CLASSES))
    assert found[2].evidence.match_length == 2
    assert candidates(source([6, 1, 2, 3, 6, 5])) == {}


def test_what_the_output_said_has_its_own_places() -> None:
    assert candidates(source([1, 2, 3], [7, 8, 7]))[8].origin == Origin("output", 1)


def test_a_standing_text_ends_where_it_ends() -> None:
    made = TextSource("document", PLAIN, TextIndex("manual", PLAIN, 2, [1, 2, 3, 4]))
    made.append([9, 1, 2])
    assert candidates(made)[3].origin == Origin("manual", 2)
    assert candidates(made, 3)[4].evidence.match_length == 3
    assert candidates(made, 3, 4) == {}
    made.append([3, 4])
    assert made.cursor() is None


def test_nothing_matches_nothing() -> None:
    assert TextSource("text", PLAIN).cursor() is None
    assert source([1, 2, 3, 4]).cursor() is None


@pytest.mark.parametrize("text", [[7] * 4000, [index % 50 for index in range(4000)], list(range(4000))])
def test_a_search_costs_little_on_any_text(text: list[int]) -> None:
    """Bounded work, also on text that repeats itself: a step of the target takes a hundred times as long."""
    made = source(text)

    def seconds() -> float:
        started = time.perf_counter()
        cursor = made.cursor()
        if cursor is not None:
            cursor.candidates()
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.005
