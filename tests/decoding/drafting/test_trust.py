"""Trust falls with what does not come true, and comes back."""

from __future__ import annotations

import pytest

from decoding.drafting.trust import Trust


def test_it_is_full_until_hopes_fail() -> None:
    trust = Trust()
    assert trust.factor == 1.0
    trust.learn(0.5, True)
    assert trust.factor == 1.0
    trust.learn(0.9, False)
    assert trust.factor < 1.0


@pytest.mark.parametrize("every", [2, 3])
def test_it_approaches_what_comes_true(every: int) -> None:
    trust = Trust()
    for turn in range(500):
        trust.learn(1.0, turn % every == 0)
    assert trust.factor == pytest.approx(1 / every, abs=0.03)


def test_it_comes_back() -> None:
    trust = Trust()
    for _ in range(300):
        trust.learn(0.8, False)
    assert trust.factor < 0.05
    for _ in range(300):
        trust.learn(0.8, True)
    assert trust.factor == 1.0
