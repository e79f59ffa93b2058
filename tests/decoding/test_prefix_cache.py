"""What is kept of earlier prompts saves work, stays in its bounds and its scope, and changes no bit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.drafting.drafter import Drafting
from decoding.generate import SpeculativeGenerator
from decoding.generator import GenerationDone, GenerationParams
from decoding.prefix_cache import PrefixCache
from decoding.sampling import InvalidLogits
from decoding.target import TargetModel
from tests.decoding.tiny import exact_target, needs_exact, write_gguf
from tests.fakes.decoding import ByteTokenizer
from tests.fakes.target import HashTarget

PROMPTS = st.lists(st.integers(0, 2), min_size=1, max_size=12)
HISTORY = st.lists(st.tuples(PROMPTS, st.sampled_from(["", "other"])), min_size=1, max_size=12)


def generate(
    target: TargetModel, cache: PrefixCache | None, prompt: list[int], scope: str = "", max_tokens: int = 6
) -> GenerationDone:
    generator = SpeculativeGenerator(target, ByteTokenizer(), Drafting(), prefix_cache=cache)
    *_, done = generator.generate(prompt, GenerationParams(max_tokens, scope=scope))
    assert isinstance(done, GenerationDone)
    return done


@settings(deadline=None)
@given(HISTORY, st.integers(1, 600))
def test_no_history_changes_a_token(history: list[tuple[list[int], str]], limit: int) -> None:
    target = HashTarget(vocabulary=3, memory=3)
    cache = PrefixCache(limit)
    for prompt, scope in history:
        done, alone = generate(target, cache, prompt, scope), generate(target, None, prompt)
        assert done.tokens == alone.tokens
        assert 0 <= done.stats.cached_tokens < len(prompt)
        assert cache.bytes <= limit
        assert target.open_sequences == len(cache)
    cache.clear()
    assert (cache.bytes, len(cache), target.open_sequences) == (0, 0, 0)


@settings(deadline=None)
@given(HISTORY)
def test_all_that_is_known_is_used_within_its_scope(history: list[tuple[list[int], str]]) -> None:
    """By definition: the longest common beginning with any sequence that was run before in the same scope."""
    target = HashTarget(vocabulary=3, memory=3)
    cache = PrefixCache(10**6)
    seen: dict[str, list[list[int]]] = {}
    for prompt, scope in history:
        done = generate(target, cache, prompt, scope)
        known = [common(prompt[:-1], earlier) for earlier in seen.get(scope, [])]
        assert done.stats.cached_tokens == max(known, default=0)
        seen.setdefault(scope, []).append([*prompt, *done.tokens][:-1])


def common(left: Sequence[int], right: Sequence[int]) -> int:
    length = 0
    while length < min(len(left), len(right)) and left[length] == right[length]:
        length += 1
    return length


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> TargetModel:
    folder = tmp_path_factory.mktemp("tiny")
    return exact_target(write_gguf(folder / "tiny.gguf", "qwen2", tied=False), folder / "packed", 64)


@needs_exact
@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=40), min_size=1, max_size=8), st.integers(1, 4))
def test_no_history_changes_a_bit(exact: TargetModel, history: list[list[int]], kept: int) -> None:
    one = exact.start()
    one.extend([0], 1)
    cache = PrefixCache(kept * one.bytes)
    for prompt in history:
        sequence = cache.begin("", prompt) or exact.start()
        known = sequence.length
        rows = sequence.extend(prompt[known:], len(prompt) - known)
        assert torch.equal(rows, exact.start().extend(prompt, len(prompt))[known:])
        cache.keep("", prompt, sequence)
        assert 1 <= len(cache) <= kept


def test_the_least_recently_used_goes_first() -> None:
    target = HashTarget(vocabulary=64)
    cache = PrefixCache(3 * 8 * 10)
    for first in (1, 2, 3):
        generate(target, cache, [first] * 5)
    generate(target, cache, [1] * 5)
    generate(target, cache, [4] * 5)
    assert [generate(target, cache, [first] * 5).stats.cached_tokens for first in (1, 3, 4)] == [4, 4, 4]
    assert generate(target, cache, [2] * 5).stats.cached_tokens == 0


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    target = HashTarget(vocabulary=64)
    cache = PrefixCache(30)
    generate(target, cache, [1] * 5)
    assert (len(cache), cache.bytes, target.open_sequences) == (0, 0, 0)


def test_a_stream_that_is_left_or_cancelled_keeps_what_it_computed() -> None:
    target = HashTarget(vocabulary=64)
    cache = PrefixCache(10**6)
    stream = SpeculativeGenerator(target, ByteTokenizer(), None, prefix_cache=cache).generate(
        [1, 2, 3], GenerationParams(20)
    )
    next(stream)
    del stream
    assert (len(cache), target.open_sequences) == (1, 1)
    assert generate(target, cache, [1, 2, 3]).stats.cached_tokens == 2


def test_nonsense_is_not_kept() -> None:
    class Broken(HashTarget):
        def row(self, tokens: Sequence[int]) -> torch.Tensor:
            row = super().row(tokens)
            return torch.full_like(row, math.nan) if len(tokens) > 5 else row

    target = Broken(vocabulary=64)
    cache = PrefixCache(10**6)
    with pytest.raises(InvalidLogits):
        generate(target, cache, [1, 2, 3], max_tokens=20)
    assert (len(cache), target.open_sequences) == (0, 0)


def test_a_cache_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 byte"):
        PrefixCache(0)
