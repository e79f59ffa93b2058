"""A token is a function of its row, the seed and the position, with the distribution that was asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from decoding.generator import SamplingParams
from decoding.sampling import InvalidLogits, choose, distribution, uniform

ROW = torch.tensor([0.1, 2.0, -1.0, 1.5, 2.0, 0.0])


def test_greedy_takes_the_likeliest_and_the_first_of_equals() -> None:
    assert choose(ROW, SamplingParams(), 0) == 1
    assert choose(ROW, SamplingParams(seed=9), 5) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_not_a_number_is_an_error(value: float, temperature: float) -> None:
    row = ROW.clone()
    row[3] = value
    with pytest.raises(InvalidLogits, match="position 7"):
        choose(row, SamplingParams(temperature=temperature), 7)


def test_tokens_that_were_forbidden_do_not_hurt() -> None:
    row = torch.full((6,), -math.inf)
    row[4] = 1.0
    assert {choose(row, SamplingParams(temperature=2.0), position) for position in range(50)} == {4}


def test_top_k_and_top_p_keep_the_likeliest() -> None:
    row = ROW.numpy()
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_k=3))).tolist() == [1, 3, 4]
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_k=1))).tolist() == [1]
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_p=0.01))).tolist() == [1]
    softmax = np.exp(row) / np.exp(row).sum()
    two = float(softmax[1] + softmax[4])
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_p=two - 0.01))).tolist() == [1, 4]
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_p=two + 0.01))).tolist() == [1, 3, 4]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_frequencies_are_those_of_the_softmax(temperature: float) -> None:
    """Pearson's chi-square over 20,000 draws; fixed seeds, the 99.9% quantile for 5 degrees of freedom."""
    draws = 20_000
    params = SamplingParams(temperature=temperature, seed=11)
    counts = np.bincount([choose(ROW, params, position) for position in range(draws)], minlength=6)
    expected = torch.softmax(ROW.double() / temperature, 0).numpy() * draws
    assert float(((counts - expected) ** 2 / expected).sum()) < 20.5


@given(st.integers(-(2**70), 2**70), st.integers(0, 2**31))
def test_random_numbers_are_in_range_and_repeatable(seed: int, position: int) -> None:
    number = uniform(seed, position)
    assert 0.0 <= number < 1.0
    assert uniform(seed, position) == number


def test_seeds_and_positions_are_independent_streams() -> None:
    numbers = np.array([[uniform(seed, position) for position in range(200)] for seed in range(200)])
    assert abs(numbers.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.02
