"""The formulas give the paper's own figures."""

from __future__ import annotations

import pytest

from decoding.speedup import expected_tokens, theorem_3_8, theorem_3_11


@pytest.mark.parametrize(
    ("alpha", "gamma", "operations", "speed"),
    [
        (0.6, 2, 1.53, 1.96),
        (0.7, 3, 1.58, 2.53),
        (0.8, 2, 1.23, 2.44),
        (0.8, 5, 1.63, 3.69),
        (0.9, 2, 1.11, 2.71),
        (0.9, 10, 1.60, 6.86),
    ],
)
def test_table_1_of_the_paper(alpha: float, gamma: int, operations: float, speed: float) -> None:
    """Leviathan et al. 2023, Table 1: a draft model that costs nothing."""
    assert theorem_3_8(alpha, gamma, 0.0) == pytest.approx(speed, abs=0.006)
    assert theorem_3_11(alpha, gamma, 0.0) == pytest.approx(operations, abs=0.006)


def test_the_cost_of_the_draft_counts() -> None:
    """Corollary 3.9: with one guess the gain is (1 + alpha) / (1 + c)."""
    assert theorem_3_8(0.5, 1, 0.2) == pytest.approx(1.5 / 1.2)
    assert theorem_3_8(0.1, 1, 0.5) < 1.0


def test_the_ends_of_the_scale() -> None:
    assert expected_tokens(1.0, 7) == 8.0
    assert expected_tokens(0.0, 7) == 1.0
    with pytest.raises(ValueError, match="probability"):
        expected_tokens(1.1, 2)
    with pytest.raises(ValueError, match="number of tokens"):
        expected_tokens(0.5, -1)
