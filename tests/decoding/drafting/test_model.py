"""A draft model changes no token, is asked where it pays, and holds no more memory than it may."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Never

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.draft import DraftSource, Proposal
from decoding.drafting.drafter import Drafting, TreeDraft
from decoding.drafting.model_stream import DEEPEST_CHAIN
from decoding.drafting.step_cost import StepCost
from decoding.generate import SpeculativeGenerator
from decoding.generator import GenerationDone, GenerationParams, SamplingParams
from decoding.oracle import decode_plainly
from decoding.sampling import distribution, draw_or_replace, uniform
from tests.contracts.draft import DraftContract
from tests.decoding.drafting.making import CHEAP, FLAT, draft_model
from tests.decoding.dull import Dull
from tests.fakes.decoding import ByteTokenizer
from tests.fakes.target import HashTarget

STEP = StepCost((1, 16, 128), (0.032, 0.039, 0.2))
SMALL = StepCost((1, 16, 128), (0.010, 0.012, 0.07))
"""Passes of 1.5 and of 0.5 billion weights, in seconds, about."""


class Prepared:
    """A source that is prepared as a step prepares it."""

    def __init__(self, drafting: Drafting, source: TreeDraft) -> None:
        self._drafting = drafting
        self._source = source
        self.append, self.release, self.close = source.append, source.release, source.close

    def propose(self, rows: int = 1) -> Proposal | None:
        self._drafting.prepare([self._source], [8])
        return self._source.propose(rows)


class TestModelDraft(DraftContract):
    def source(self) -> DraftSource:
        target = HashTarget(vocabulary=6, context_length=200)
        drafting = Drafting(sources=(), model=draft_model(Dull(target, 0.7), 6))
        return Prepared(drafting, drafting(GenerationParams(9)))


class TestDrawnDraft(DraftContract):
    def source(self) -> DraftSource:
        target = HashTarget(vocabulary=6, context_length=200)
        drafting = Drafting(sources=(), model=draft_model(Dull(target, 0.7), 6, rejection=True))
        return Prepared(drafting, drafting(GenerationParams(9, SamplingParams(temperature=0.8))))


def generate(
    target: HashTarget, drafting: Drafting, prompt: Sequence[int], params: GenerationParams, cost: StepCost = FLAT
) -> GenerationDone:
    *_, done = SpeculativeGenerator(target, ByteTokenizer(), drafting, 16, cost=cost).generate(prompt, params)
    assert isinstance(done, GenerationDone)
    return done


@settings(max_examples=60, deadline=None)
@given(
    prompt=st.lists(st.integers(0, 9), min_size=1, max_size=20),
    salt=st.integers(0, 1000),
    right=st.sampled_from([0.0, 0.6, 1.0]),
    sampling=st.sampled_from(
        [
            SamplingParams(),
            SamplingParams(repetition_penalty=1.3, frequency_penalty=0.5),
            SamplingParams(temperature=1.2, seed=5),
            SamplingParams(temperature=0.7, top_k=4, top_p=0.9, min_p=0.05, presence_penalty=0.4, seed=9),
        ]
    ),
    sources=st.sampled_from([(), ("text",), ("text", "successor")]),
    rejection=st.booleans(),
)
def test_guesses_of_a_model_change_no_token(
    prompt: list[int], salt: int, right: float, sampling: SamplingParams, sources: tuple[str, ...], rejection: bool
) -> None:
    """Rejection sampling leaves greedy outputs as they are; sampled ones it may change."""
    target = HashTarget(vocabulary=10, salt=salt, memory=5)
    small = Dull(target, right)
    rejection = rejection and sampling.temperature == 0.0
    drafting = Drafting(sources=sources, model=draft_model(small, 10, rejection=rejection))
    done = generate(target, drafting, prompt, GenerationParams(30, sampling))
    assert list(done.tokens) == decode_plainly(target, prompt, 30, frozenset(), sampling)
    assert small.passes > 0
    if right == 1.0 and not sources:  # it thinks like the target, and draws by the same numbers
        assert done.stats.accepted == done.stats.drafted > 0
        assert done.stats.steps <= 15
    assert (target.open_sequences, small.open_sequences) == (0, 0)


Outputs = dict[tuple[int, ...], float]


def joint(target: HashTarget, prompt: list[int], sampling: SamplingParams, tokens: int) -> Outputs:
    """How probable each output of so many tokens is in plain decoding, without penalties."""
    outputs: Outputs = {(): 1.0}
    for _ in range(tokens):
        outputs = {
            (*said, token): before * share
            for said, before in outputs.items()
            for token, share in enumerate(_shares(target, [*prompt, *said], sampling))
            if share > 0.0
        }
    return outputs


def _shares(target: HashTarget, text: list[int], sampling: SamplingParams) -> list[float]:
    shares = distribution(target.row(text).numpy(), sampling)
    return [float(share) for share in shares / shares.sum()]


def chi_square(seen: Counter[tuple[int, ...]], expected: Outputs, count: int) -> tuple[float, int]:
    """The statistic and its degrees of freedom; outputs that are expected less than five times count as one."""
    pooled = [0.0, 0.0]
    pairs = []
    for output, share in expected.items():
        if share * count < 5:
            pooled = [pooled[0] + seen[output], pooled[1] + share * count]
        else:
            pairs.append((float(seen[output]), share * count))
    if pooled[1] > 0:
        pairs.append((pooled[0], pooled[1]))
    return sum((a - b) ** 2 / b for a, b in pairs), len(pairs) - 1


def bound(degrees: int) -> float:
    """What a right distribution exceeds once in 10,000 times (Wilson and Hilferty 1931)."""
    part = 2 / (9 * degrees)
    return float(degrees * (1 - part + 3.719 * math.sqrt(part)) ** 3)


@pytest.mark.parametrize(
    "sampling", [SamplingParams(temperature=1.0), SamplingParams(temperature=0.8, top_k=4, top_p=0.95, min_p=0.02)]
)
def test_outputs_of_rejection_sampling_have_the_targets_distribution(sampling: SamplingParams) -> None:
    """Three tokens from 6,000 seeds by a model that thinks otherwise; a right decoder fails once in 10,000 tests.

    Tokens that are always accepted, or replaced by the target's own distribution instead of what is missing, fail it.
    """
    target, small, prompt, count = HashTarget(vocabulary=5), HashTarget(vocabulary=5, salt=7), [1, 2], 6000
    expected = joint(target, prompt, sampling, 3)
    drafting = Drafting(sources=(), model=draft_model(small, 5, rejection=True))
    generator = SpeculativeGenerator(target, ByteTokenizer(), drafting, 8, cost=FLAT)
    seen: Counter[tuple[int, ...]] = Counter()
    accepted = drafted = 0
    for seed in range(count):
        params = GenerationParams(
            3, SamplingParams(sampling.temperature, sampling.top_k, sampling.top_p, sampling.min_p, seed=seed)
        )
        *_, done = generator.generate(prompt, params)
        assert isinstance(done, GenerationDone)
        seen[done.tokens] += 1
        accepted, drafted = accepted + done.stats.accepted, drafted + done.stats.drafted
    assert set(seen) <= set(expected)
    statistic, degrees = chi_square(seen, expected, count)
    assert statistic < bound(degrees)
    assert 0.2 < accepted / drafted < 0.9


@pytest.mark.parametrize("wrong", ["always accepted", "replaced by the whole target"])
def test_the_chi_square_test_would_notice(wrong: str) -> None:
    target, offered = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    seen: Counter[tuple[int, ...]] = Counter()
    right: Counter[tuple[int, ...]] = Counter()
    random = np.random.default_rng(1)
    for _ in range(6000):
        guess, accepting, replacing = int(random.choice(3, p=offered)), random.random(), random.random()
        right[(draw_or_replace(target, guess, offered, accepting, replacing),)] += 1
        if wrong == "always accepted" or accepting * offered[guess] < target[guess]:
            seen[(guess,)] += 1
        else:
            seen[(int(random.choice(3, p=target)),)] += 1
    expected: Outputs = {(index,): float(share) for index, share in enumerate(target)}
    assert chi_square(right, expected, 6000)[0] < bound(2) < chi_square(seen, expected, 6000)[0]


def test_numbers_for_guessing_and_for_accepting_are_others() -> None:
    numbers = np.array([[uniform(3, position, purpose) for purpose in range(3)] for position in range(4000)])
    assert np.abs(np.corrcoef(numbers.T) - np.eye(3)).max() < 0.05
    assert np.abs(numbers.mean(0) - 0.5).max() < 0.02


def predicted(target_cost: StepCost, small_cost: StepCost, right: float, tokens: int) -> tuple[float, float, int]:
    """Seconds by cost of long answers with and without a draft model, and how often it was asked."""
    spent = []
    small = Dull(HashTarget(vocabulary=500), right)
    for model in (draft_model(small, 500, cost=small_cost, target_cost=target_cost, eager=False), None):
        target = HashTarget(vocabulary=500, context_length=2000)
        small._of, small.context_length = target, 2000
        drafting = Drafting(model=model)
        seconds = 0.0
        for index in range(3):
            done = generate(target, drafting, [index] * 50, GenerationParams(tokens), target_cost)
            seconds += (
                done.stats.output_tokens / done.stats.speedup.measured_cost * target_cost.of(1)
                if done.stats.speedup
                else done.stats.output_tokens * target_cost.of(1)
            )
        spent.append(seconds + (sum(map(small_cost.of, small.rows)) if model is not None else 0.0))
    return spent[0], spent[1], small.passes


@pytest.mark.parametrize("seconds", [0.002, 0.005, 0.0105, 0.02])
def test_a_model_that_is_never_right_costs_less_than_three_percent(seconds: float) -> None:
    with_model, without, asked = predicted(STEP, StepCost((1, 128), (seconds, 6 * seconds)), 0.0, 500)
    assert asked > 0
    assert with_model < 1.03 * without


def test_a_model_that_does_not_pay_is_not_asked() -> None:
    with_model, without, asked = predicted(STEP, StepCost((1, 128), (0.050, 0.3)), 0.8, 200)
    assert asked == 0
    assert with_model == pytest.approx(without, rel=0.01)


def test_a_model_that_pays_makes_answers_faster() -> None:
    with_model, without, _ = predicted(STEP, StepCost((1, 128), (0.003, 0.02)), 0.9, 300)
    assert with_model < 0.6 * without


def test_memory_is_bounded_and_given_back() -> None:
    """Room for two streams of three; one leaves, one loses its place, one ends."""
    small = HashTarget(vocabulary=50, context_length=400)
    drafting = Drafting(
        sources=(), model=draft_model(small, 50, memory_bytes=small.bytes_for(2 * (22 + DEEPEST_CHAIN)))
    )
    sources = [drafting(GenerationParams(50)) for _ in range(3)]
    for source in sources:
        source.append([1] * 20)
        source.append([2])
    drafting.prepare(sources, [4, 4, 4])
    assert small.open_sequences == 2
    assert [source.propose() is not None for source in sources] == [True, True, False]
    sources[0].release()
    assert small.open_sequences == 1
    for source in sources:
        source.append([3])
    drafting.prepare(sources, [4, 4, 4])
    assert small.open_sequences == 2
    for source in sources:
        source.close()
    assert small.open_sequences == 0


def test_a_long_text_is_read_in_pieces() -> None:
    target = HashTarget(vocabulary=50, context_length=2000)
    small = Dull(target, 1.0)
    drafting = Drafting(sources=(), model=draft_model(small, 50))
    done = generate(target, drafting, [1, 2] * 350, GenerationParams(20))
    assert small.rows[:2] == [256, 256]
    assert max(small.rows) == 256
    assert done.stats.accepted > 0


def test_what_the_model_can_not_do_is_no_error() -> None:
    """A shorter context, a smaller vocabulary, nonsense in its logits, no memory: guesses end, the answer goes on."""

    class Broken(HashTarget):
        def row(self, tokens: Sequence[int]) -> torch.Tensor:
            return super().row(tokens) * (math.nan if len(tokens) > 9 else 1.0)

    class Full(HashTarget):
        def start(self) -> Never:
            raise MemoryError("no memory for a page")

    target = HashTarget(vocabulary=50, context_length=200)
    plain = decode_plainly(target, [1, 2, 3], 60, frozenset(), SamplingParams())
    for small in (
        Dull(target, 1.0, context_length=30),
        HashTarget(vocabulary=40, context_length=200),
        Broken(vocabulary=50, context_length=200),
        Full(vocabulary=50),
    ):
        drafting = Drafting(sources=(), model=draft_model(small, 50))
        assert list(generate(target, drafting, [1, 2, 3], GenerationParams(60)).tokens) == plain
        assert small.open_sequences == 0


def test_several_streams_share_each_pass_of_the_model() -> None:
    target = HashTarget(vocabulary=50, context_length=200)
    small = Dull(target, 1.0, sure=20.0)
    drafting = Drafting(sources=(), model=draft_model(small, 50))
    sources = [drafting(GenerationParams(50)) for _ in range(4)]
    for index, source in enumerate(sources):
        source.append([index, 5])
        source.append([6])
    drafting.prepare(sources, [3, 3, 3, 1])
    assert small.rows == [12, 3, 3]
    assert CHEAP.of(12) == CHEAP.of(3)
