"""A token is a function of its row, the text before it, the seed and the position, with the distribution asked for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.generator import SamplingParams
from decoding.penalties import Penalties
from decoding.sampling import InvalidLogits, Sampler, choose, distribution, uniform

ROW = np.array([0.1, 2.0, -1.0, 1.5, 2.0, 0.0], np.float32)
ROWS = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(0, 3, 40).astype(np.float32))
TOKENS = st.lists(st.integers(0, 39), max_size=90)


def test_greedy_takes_the_likeliest_and_the_first_of_equals() -> None:
    assert choose(ROW, SamplingParams(), 0) == 1
    assert choose(ROW, SamplingParams(seed=9), 5) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_not_a_number_is_an_error(value: float, temperature: float) -> None:
    row = ROW.copy()
    row[3] = value
    with pytest.raises(InvalidLogits, match="position 7"):
        choose(row, SamplingParams(temperature=temperature), 7)


def test_tokens_that_were_forbidden_do_not_hurt() -> None:
    row = np.full(6, -math.inf, np.float32)
    row[4] = 1.0
    assert {choose(row, SamplingParams(temperature=2.0), position) for position in range(50)} == {4}


def test_top_k_and_top_p_keep_the_likeliest() -> None:
    row = ROW
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_k=3))).tolist() == [1, 3, 4]
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_k=1))).tolist() == [1]
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_p=0.01))).tolist() == [1]
    softmax = np.exp(row) / np.exp(row).sum()
    two = float(softmax[1] + softmax[4])
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_p=two - 0.01))).tolist() == [1, 4]
    assert np.flatnonzero(distribution(row, SamplingParams(temperature=1.0, top_p=two + 0.01))).tolist() == [1, 3, 4]


def test_min_p_keeps_what_is_a_share_of_the_likeliest() -> None:
    params = SamplingParams(temperature=1.0, min_p=float(np.exp(-0.6)))
    assert np.flatnonzero(distribution(ROW, params)).tolist() == [1, 3, 4]
    assert np.flatnonzero(distribution(ROW, SamplingParams(temperature=1.0, min_p=1.0))).tolist() == [1, 4]


def test_the_smallest_temperatures_are_greedy() -> None:
    assert np.flatnonzero(distribution(ROW[:4], SamplingParams(temperature=5e-324))).tolist() == [1]


@settings(deadline=None)
@given(
    ROWS,
    st.floats(0.05, 5.0),
    st.integers(0, 50),
    st.floats(0.01, 1.0),
    st.one_of(st.just(0.0), st.floats(0.0, 1.0)),
)
def test_the_distribution_is_that_of_the_transformers_library(
    row: npt.NDArray[np.float32], temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    from transformers import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    scores = torch.from_numpy(row).double()[None]
    context: Any = torch.zeros(1, 0, dtype=torch.long)
    scores = TemperatureLogitsWarper(temperature)(context, scores)
    if top_k:
        scores = TopKLogitsWarper(top_k)(context, scores)
    scores = TopPLogitsWarper(top_p)(context, scores)
    expected = torch.softmax(MinPLogitsWarper(min_p)(context, scores), -1)[0].numpy()
    params = SamplingParams(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    found = distribution(row, params)
    assert found / found.sum() == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(ROWS, TOKENS, TOKENS, st.sampled_from([1.0, 1.2, 0.5]), st.floats(-2, 2), st.floats(-2, 2), st.data())
def test_penalties_equal_their_definition(
    row: npt.NDArray[np.float32],
    prompt: list[int],
    output: list[int],
    repetition: float,
    presence: float,
    frequency: float,
    data: st.DataObject,
) -> None:
    from transformers import RepetitionPenaltyLogitsProcessor

    bias = data.draw(st.dictionaries(st.integers(0, 39), st.floats(-100, 100), max_size=4))
    params = SamplingParams(
        repetition_penalty=repetition,
        presence_penalty=presence,
        frequency_penalty=frequency,
        logit_bias=tuple(bias.items()),
    )
    penalties = Penalties(params, prompt)
    for token in output:
        penalties.append(token)
    before = row.copy()
    changed = penalties.apply(row)
    expected = row
    if prompt or output:
        text = torch.tensor([[*prompt, *output]])
        expected = RepetitionPenaltyLogitsProcessor(repetition)(text, torch.from_numpy(row)[None])[0].numpy()
    for token in range(len(row)):
        count = output.count(token)
        wanted = expected[token] - count * frequency - (count > 0) * presence + bias.get(token, 0.0)
        assert changed[token] == pytest.approx(wanted, rel=1e-4, abs=1e-4)
    assert np.array_equal(row, before)


def test_a_choice_becomes_part_of_the_text() -> None:
    """With a strong enough penalty no token comes twice, and what is forbidden never."""
    params = SamplingParams(presence_penalty=2.0, frequency_penalty=2.0, logit_bias=((5, -100.0), (2, 1.0)))
    sampler = Sampler(params, [4, 4, 4])
    assert [sampler.choose(torch.from_numpy(ROW)) for _ in range(5)] == [1, 4, 3, 0, 2]


def test_long_texts_are_penalised_to_their_last_token() -> None:
    """However often the count of different tokens outgrows the memory for them."""
    penalties = Penalties(SamplingParams(presence_penalty=1.0), [])
    for token in range(300):
        penalties.append(token)
    changed = penalties.apply(np.zeros(301, np.float32))
    assert np.array_equal(changed[:300], np.full(300, -1.0, np.float32))
    assert changed[300] == 0.0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_frequencies_are_those_of_the_softmax(temperature: float) -> None:
    """Pearson's chi-square over 20,000 draws; fixed seeds, the 99.9% quantile for 5 degrees of freedom."""
    draws = 20_000
    params = SamplingParams(temperature=temperature, seed=11)
    counts = np.bincount([choose(ROW, params, position) for position in range(draws)], minlength=6)
    expected = torch.softmax(torch.from_numpy(ROW).double() / temperature, 0).numpy() * draws
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
