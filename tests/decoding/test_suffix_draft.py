"""Lookup finds the longest match, the latest among equals, and nothing where nothing matches."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.draft import Draft, DraftSource
from decoding.suffix_draft import LONGEST_MATCH, SuffixDraft
from tests.contracts.draft import DraftContract


class TestSuffixDraft(DraftContract):
    def source(self) -> DraftSource:
        return SuffixDraft()


def by_definition(context: list[int], limit: int, minimum: int) -> tuple[list[int], int] | None:
    """Compare every earlier place with the end, the slow way."""
    best: tuple[int, int] | None = None
    for place in range(len(context) - 1):
        length = 0
        while length <= place and length < LONGEST_MATCH and context[place - length] == context[-1 - length]:
            length += 1
        if length >= minimum and (best is None or (length, place) > best):
            best = (length, place)
    if best is None:
        return None
    length, place = best
    period = len(context) - 1 - place
    return [context[place + 1 + index % period] for index in range(limit)], length


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=120),
    st.integers(1, 10),
    st.integers(1, 4),
)
def test_equals_its_definition(context: list[int], limit: int, minimum: int) -> None:
    source = SuffixDraft(minimum)
    source.append(context)
    expected = by_definition(context, limit, minimum)
    draft = source.propose(limit)
    if expected is None:
        assert draft is None
    else:
        assert draft == Draft(tuple(expected[0]), "suffix", expected[1])


def test_new_text_is_no_match() -> None:
    source = SuffixDraft()
    source.append([1, 2, 3, 4])
    assert source.propose(4) is None
    assert SuffixDraft().propose(4) is None


@pytest.mark.parametrize("text", [[7] * 4000, [index % 50 for index in range(4000)], list(range(4000))])
def test_a_proposal_costs_little_on_any_text(text: list[int]) -> None:
    """Bounded work, also on text that repeats itself: a step of the target takes a hundred times as long."""
    source = SuffixDraft()
    source.append(text)
    fastest = min(_seconds(source) for _ in range(5))
    assert fastest < 0.005


def _seconds(source: SuffixDraft) -> float:
    started = time.perf_counter()
    source.propose(15)
    return time.perf_counter() - started
