"""Drafts hold the likeliest guesses, and as many as pay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.draft import Draft, Guess
from decoding.drafting.acceptance import Acceptance
from decoding.drafting.candidates import Candidate, Cursor, Evidence
from decoding.drafting.growth import MOST_CANDIDATES, Growth, learn
from decoding.drafting.step_cost import StepCost
from tests.decoding.drafting.making import FLAT, draft_of


@dataclass
class Known(Acceptance):
    """Probabilities that are given, by source."""

    given: dict[str, float]
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def probability(self, evidence: Evidence) -> float:
        return self.given[evidence.source]

    def learn(self, evidence: Evidence, right: bool) -> None:
        self.asked.append((evidence.source, right))


@dataclass
class Branching:
    """A cursor over a tree of (source, below) by token."""

    below: dict[int, tuple[str, Branching]]

    def candidates(self) -> list[Candidate]:
        return [Candidate(token, Evidence(source, 0), None) for token, (source, _) in self.below.items()]

    def follow(self, token: int) -> Cursor | None:
        return self.below[token][1] if token in self.below else None


LEAF = Branching({})
TREE = Branching(
    {1: ("often", Branching({4: ("often", LEAF), 5: ("seldom", LEAF)})), 2: ("seldom", LEAF), 3: ("seldom", LEAF)}
)
KNOWN = Known({"often": 0.8, "seldom": 0.5})


def grow(
    cursors: Sequence[Cursor], cost: StepCost, limit: int, *, trust: float = 1.0, ends: Collection[int] = ()
) -> Draft:
    return draft_of(Growth(cursors, KNOWN, trust=trust, ends=ends), limit, cost)


def grown(cursors: Sequence[Cursor], limit: int, ends: Collection[int] = ()) -> Growth:
    """With all its guesses made."""
    growth = Growth(cursors, KNOWN, ends=ends)
    draft_of(growth, limit)
    return growth


def test_the_likeliest_paths_come_first() -> None:
    """0.8; 0.8 * 0.8; 0.2 * 0.5 for the second; half of that for the third; 0.8 * 0.2 * 0.5 for the deep one."""
    draft = grow([TREE], FLAT, 10)
    assert [(guess.token, guess.parent) for guess in draft.guesses] == [(1, -1), (4, 0), (2, -1), (5, 0), (3, -1)]
    assert grow([TREE], FLAT, 2).guesses == draft.guesses[:2]
    assert grow([TREE], FLAT, 0).guesses == ()
    assert grow([], FLAT, 5).guesses == ()


def test_rows_must_pay() -> None:
    """The expected tokens of a step are 1.8, 2.44, 2.54, 2.62 and 2.67 with one to five guesses."""
    assert len(grow([TREE], StepCost((1, 2, 10), (1.0, 1.9, 9.0)), 10).guesses) == 0
    assert len(grow([TREE], StepCost((1, 2, 3, 10), (1.0, 1.1, 1.2, 9.0)), 10).guesses) == 2
    assert len(grow([TREE], StepCost((1, 2, 10), (1.0, 1.0, 1.1)), 10).guesses) == 5


def test_a_jump_that_pays_later_is_taken() -> None:
    """Two rows cost as much as three: one guess alone would not pay, two do."""
    cost = StepCost((1, 2, 3, 4), (1.0, 1.9, 1.9, 9.0))
    assert len(grow([TREE], cost, 10).guesses) == 2


def test_trust_is_a_factor_on_all_probabilities() -> None:
    cost = StepCost((1, 2, 10), (1.0, 1.5, 5.5))
    assert len(grow([TREE], cost, 10).guesses) == 2
    assert len(grow([TREE], cost, 10, trust=0.6).guesses) == 0


def test_two_sources_for_one_token_count_as_the_better() -> None:
    other = Branching({2: ("often", LEAF)})
    draft = grow([TREE, other], FLAT, 2)
    assert [(guess.token, guess.source) for guess in draft.guesses] == [(1, "often"), (4, "often")]
    assert Guess(2, -1, "often", 0) in grow([TREE, other], FLAT, 5).guesses


def test_the_end_takes_its_share_but_no_row() -> None:
    """Token 1 ends the text: the second and third guess are right with 0.2 * 0.5 and 0.2 * 0.5 * 0.5."""
    assert [guess.token for guess in grow([TREE], FLAT, 10, ends=[1]).guesses] == [2, 3]
    assert len(grow([TREE], StepCost((1, 2, 3, 9), (1.0, 1.09, 1.18, 9.0)), 10, ends=[1]).guesses) == 1
    acceptance = Known(KNOWN.given)
    assert [right for _, right in learn(grown([TREE], 10, [1]), [1], acceptance)] == [True]
    assert acceptance.asked == [("often", True)]


def test_siblings_are_asked_in_order_until_one_is_right() -> None:
    acceptance = Known(KNOWN.given)
    places = list(learn(grown([TREE], 10), [1, 5, 9], acceptance))
    assert [right for _, right in places] == [True, True, False]
    assert [probability for probability, _ in places] == pytest.approx([0.95, 0.9, 0.0])
    assert acceptance.asked == [("often", True), ("often", False), ("seldom", True)]
    acceptance.asked.clear()
    assert [right for _, right in learn(grown([TREE], 10), [7, 8], acceptance)] == [False]
    assert acceptance.asked == [("often", False), ("seldom", False), ("seldom", False)]


@given(
    st.lists(st.sampled_from(["often", "seldom"]), min_size=1, max_size=20),
    st.integers(0, 12),
    st.lists(st.floats(0.01, 1.0), min_size=12, max_size=12),
)
def test_no_other_number_of_first_guesses_is_better(sources: list[str], limit: int, dearer: list[float]) -> None:
    below = Branching({9: ("seldom", Branching({8: ("often", LEAF)}))})
    root = Branching({token: (source, below) for token, source in enumerate(sources)})
    seconds = [1.0]
    for more in dearer:
        seconds.append(seconds[-1] + more)
    cost = StepCost(tuple(range(1, 14)), tuple(seconds))
    everything = grow([root], FLAT, limit).guesses
    chosen = len(grow([root], cost, limit).guesses)
    expected, seen = [1.0], dict[tuple[int, ...], float]()
    paths: list[tuple[tuple[int, ...], float]] = []
    for guess in everything:
        above, chance = paths[guess.parent] if guess.parent >= 0 else ((), 1.0)
        left = seen.get(above, 1.0)
        seen[above] = left * (1 - KNOWN.given[guess.source])
        paths.append(((*above, guess.token), chance * left * KNOWN.given[guess.source]))
        expected.append(expected[-1] + paths[-1][1])
    rates = [tokens / (cost.of(1 + rows) + 20e-6 * rows) for rows, tokens in enumerate(expected)]
    assert rates[chosen] >= max(rates) - 0.002


@pytest.mark.parametrize("count", [MOST_CANDIDATES, 40])
def test_candidates_of_one_place_are_bounded(count: int) -> None:
    root = Branching({token: ("seldom", LEAF) for token in range(count)})
    assert len(grow([root], FLAT, 100).guesses) == MOST_CANDIDATES
