"""Confirming a draft."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
    assert verify(draft, choose) == Verification(common, said[common])
    assert asked == list(range(common + 1))
