"""Confirming a draft."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from decoding.draft import Draft, Guess
from decoding.verification import Verification, verify


@given(st.lists(st.integers(0, 2), max_size=8), st.lists(st.integers(0, 2), min_size=9, max_size=9))
def test_accepts_the_common_beginning_and_adds_the_targets_own_token(draft: list[int], said: list[int]) -> None:
    asked: list[int] = []

    def choose(index: int) -> int:
        asked.append(index)
        return said[index]

    common = 0
    while common < len(draft) and draft[common] == said[common]:
        common += 1
    assert verify(Draft.chain(draft, "given"), choose) == Verification(tuple(range(common)), said[common])
    assert asked == list(range(common + 1))


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    guesses: list[Guess] = []
    for index in range(draw(st.integers(0, 12))):
        guess = Guess(draw(st.integers(0, 3)), draw(st.integers(-1, index - 1)), "given", 0)
        if all((guess.parent, guess.token) != (other.parent, other.token) for other in guesses):
            guesses.append(guess)
        else:
            break
    return Draft(tuple(guesses))


@given(drafts(), st.lists(st.integers(0, 3), min_size=13, max_size=13))
def test_walks_down_a_tree_along_the_targets_choices(draft: Draft, said: list[int]) -> None:
    """``said[i]`` is the target's token at depth i, on whatever path."""
    depths = {0: 0}
    for index, guess in enumerate(draft.guesses):
        depths[index + 1] = depths[guess.parent + 1] + 1
    found = verify(draft, lambda row: said[depths[row]])
    assert [draft.guesses[index].token for index in found.path] == said[: len(found.path)]
    assert [draft.guesses[index].parent for index in found.path] == [-1, *found.path][: len(found.path)]
    assert found.next_token == said[len(found.path)]
    assert found.next_token not in draft.children(found.path[-1] if found.path else -1)
