"""The speculative loop says what plain decoding says, whatever is drafted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.attention import AttentionQuery
from decoding.draft import Draft, Drafter, DraftSource, Guess
from decoding.drafting.drafter import SOURCES, Drafting
from decoding.generate import SpeculativeGenerator
from decoding.generator import (
    DraftText,
    FinishReason,
    GenerationDone,
    GenerationParams,
    Generator,
    SamplingParams,
)
from decoding.oracle import decode_plainly
from decoding.sampling import InvalidLogits
from decoding.schedule import PREFILL_ROWS
from decoding.speedup import SourceCount
from decoding.target import TargetModel
from tests.contracts.generator import GeneratorContract
from tests.decoding.drafting.making import FLAT
from tests.fakes.decoding import ByteTokenizer, ScriptedGenerator
from tests.fakes.target import HashSequence, HashTarget

SAMPLING = st.builds(
    SamplingParams,
    temperature=st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    top_k=st.sampled_from([0, 1, 5]),
    top_p=st.sampled_from([1.0, 0.9, 0.1]),
    min_p=st.sampled_from([0.0, 0.0, 0.2]),
    repetition_penalty=st.sampled_from([1.0, 1.0, 1.3, 0.8]),
    presence_penalty=st.sampled_from([0.0, 0.0, 1.5, -0.5]),
    frequency_penalty=st.sampled_from([0.0, 0.0, 0.7, -0.3]),
    logit_bias=st.dictionaries(st.integers(0, 9), st.sampled_from([-100.0, -1.5, 2.0]), max_size=3).map(
        lambda bias: tuple(bias.items())
    ),
    seed=st.integers(0, 2**40),
)


class GivenProposal:
    """Guesses that are sure to be right, they say."""

    def __init__(self, guesses: Sequence[Guess]) -> None:
        self._guesses = list(guesses)

    @property
    def probability(self) -> float:
        return 1.0 if self._guesses else 0.0

    def take(self) -> Guess:
        return self._guesses.pop(0)


class GivenDraft:
    """Proposes what it was told, step by step: right, wrong or nothing."""

    def __init__(self, drafts: Sequence[Sequence[int] | Draft]) -> None:
        self._drafts = [draft if isinstance(draft, Draft) else Draft.chain(draft, "given") for draft in drafts]
        self.closed = self.released = 0
        self.context: list[int] = []

    def append(self, tokens: Sequence[int]) -> None:
        self.context += tokens

    def propose(self, rows: int = 1) -> GivenProposal | None:
        del rows
        return GivenProposal(self._drafts.pop(0).guesses) if self._drafts else None

    def release(self) -> None:
        self.released += 1

    def close(self) -> None:
        self.closed += 1


class Giving:
    """Makes the same source for every request."""

    def __init__(self, source: GivenDraft) -> None:
        self._source = source

    def __call__(self, params: GenerationParams) -> GivenDraft:
        return self._source

    def prepare(self, sources: Sequence[DraftSource], limits: Sequence[int]) -> None:
        """It needs no preparation."""


def generate(
    target: TargetModel,
    prompt: list[int],
    params: GenerationParams,
    source: Drafter | None = None,
    max_rows: int = 16,
) -> GenerationDone:
    *_, done = SpeculativeGenerator(target, ByteTokenizer(), source, max_rows, cost=FLAT).generate(prompt, params)
    assert isinstance(done, GenerationDone)
    return done


class TestSpeculativeGenerator(GeneratorContract):
    @pytest.fixture(params=[None, Drafting()])
    def generator(self, request: pytest.FixtureRequest) -> Generator:
        target = HashTarget(vocabulary=128, context_length=200, memory=2)
        return SpeculativeGenerator(target, ByteTokenizer(), request.param, cost=FLAT)


class TestScriptedGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self) -> Generator:
        return ScriptedGenerator("What the gateway says is said again by the gateway.", context_length=200)


@settings(max_examples=60, deadline=None)
@given(
    prompt=st.lists(st.integers(0, 9), min_size=1, max_size=20),
    salt=st.integers(0, 1000),
    memory=st.integers(1, 4),
    max_rows=st.integers(1, 9),
    max_tokens=st.integers(1, 30),
    sampling=SAMPLING,
    text=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    source=st.sampled_from(["all", *SOURCES]),
)
def test_drafts_of_all_sources_change_nothing(
    prompt: list[int],
    salt: int,
    memory: int,
    max_rows: int,
    max_tokens: int,
    sampling: SamplingParams,
    text: list[int],
    source: str,
) -> None:
    target = HashTarget(vocabulary=10, memory=memory, salt=salt)
    plain = decode_plainly(target, prompt, max_tokens, frozenset(), sampling)
    drafting = Drafting(sources=SOURCES if source == "all" else [source])
    params = GenerationParams(max_tokens, sampling, draft_texts=(DraftText("manual", tuple(text)),))
    for _ in range(2):  # the second time the output is known
        done = generate(target, prompt, params, drafting, max_rows)
        assert list(done.tokens) == plain
    assert target.open_sequences == 0


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    prompt=st.lists(st.integers(0, 9), min_size=1, max_size=8),
    salt=st.integers(0, 1000),
    sampling=SAMPLING,
)
def test_half_right_drafts_change_nothing(
    data: st.DataObject, prompt: list[int], salt: int, sampling: SamplingParams
) -> None:
    """Drafts that follow the true output for a while and then leave it."""
    target = HashTarget(vocabulary=10, salt=salt)
    plain = decode_plainly(target, prompt, 24, frozenset(), sampling)
    drafts = []
    for _ in range(24):
        start, length = data.draw(st.integers(0, 23)), data.draw(st.integers(0, 8))
        drafts.append([*plain[start : start + length], *data.draw(st.lists(st.integers(0, 9), max_size=3))])
    done = generate(target, prompt, GenerationParams(24, sampling), Giving(GivenDraft(drafts)))
    assert list(done.tokens) == plain


@settings(max_examples=60, deadline=None)
@given(data=st.data(), prompt=st.lists(st.integers(0, 9), min_size=1, max_size=8), salt=st.integers(0, 1000))
def test_half_right_trees_change_nothing(data: st.DataObject, prompt: list[int], salt: int) -> None:
    """The true output in the midst of wrong branches."""
    target = HashTarget(vocabulary=10, context_length=100, salt=salt)
    sampling = data.draw(SAMPLING)
    plain = decode_plainly(target, prompt, 24, frozenset(), sampling)
    drafts = []
    for _ in range(24):
        start = data.draw(st.integers(0, 23))
        guesses: dict[tuple[int, int], Guess] = {}
        parent = -1
        for token in plain[start : start + data.draw(st.integers(0, 5))]:
            for wrong in data.draw(st.lists(st.integers(0, 9), max_size=2)):
                guesses.setdefault((parent, wrong), Guess(wrong, parent, "given", 0))
            guesses.setdefault((parent, token), Guess(token, parent, "given", 0))
            parent = list(guesses).index((parent, token))
        drafts.append(Draft(tuple(guesses.values())))
    source = GivenDraft(drafts)
    done = generate(target, prompt, GenerationParams(24, sampling), Giving(source), max_rows=20)
    assert list(done.tokens) == plain
    assert source.closed == 1


def test_the_end_says_where_tokens_were_read() -> None:
    target = HashTarget(vocabulary=50, memory=1, context_length=300)
    plain = decode_plainly(target, [1, 2, 3], 60, frozenset(), SamplingParams())
    manual = DraftText("manual", (40, 3, *plain[:9], 7))
    done = generate(target, [1, 2, 3], GenerationParams(60, draft_texts=(manual,)), Drafting())
    texts = {"manual": manual.tokens, "prompt": (1, 2, 3), "output": done.tokens}
    assert {run.text for run in done.copied} == {"manual", "output"}
    for run in done.copied:
        assert texts[run.text][run.offset : run.offset + run.end - run.start] == done.tokens[run.start : run.end]


def test_a_perfect_draft_takes_the_fewest_steps() -> None:
    target = HashTarget(vocabulary=50)
    plain = decode_plainly(target, [1, 2, 3], 17, frozenset(), SamplingParams())
    drafts = [plain[:7], plain[8:15]]
    done = generate(target, [1, 2, 3], GenerationParams(17), Giving(GivenDraft(drafts)), max_rows=8)
    assert list(done.tokens) == plain
    assert (done.stats.steps, done.stats.drafted, done.stats.accepted, done.stats.rows) == (2, 14, 14, 9)
    assert done.stats.sources == (SourceCount("given", 0, 14, 14),)
    assert done.stats.first_tokens == 8


def test_text_that_repeats_is_drafted_from_itself() -> None:
    target = HashTarget(vocabulary=6, context_length=300, memory=1)
    done = generate(target, [1, 2], GenerationParams(200), Drafting())
    assert done.stats.output_tokens / done.stats.steps > 4


def test_an_end_token_inside_a_confirmed_draft_ends_it() -> None:
    class Ending(ByteTokenizer):
        @property
        def end_tokens(self) -> frozenset[int]:
            return frozenset({ending})

    target = HashTarget(vocabulary=50)
    plain = decode_plainly(target, [1, 2, 3], 12, frozenset(), SamplingParams())
    ending = plain[5]
    expected = plain[: plain.index(ending)]
    source = GivenDraft([[], plain[1:11]])
    generator = SpeculativeGenerator(target, Ending(), Giving(source), cost=FLAT)
    *_, done = generator.generate([1, 2, 3], GenerationParams(12))
    assert isinstance(done, GenerationDone)
    assert list(done.tokens) == expected
    assert done.finish_reason is FinishReason.STOP
    assert source.context == [1, 2, 3, *expected, ending]


def test_the_context_can_be_filled_to_the_last_token() -> None:
    target = HashTarget(vocabulary=6, context_length=64, memory=1)
    assert len(generate(target, [1] * 24, GenerationParams(40), Drafting()).tokens) == 40


def test_long_prompts_are_read_in_chunks() -> None:
    target = HashTarget(vocabulary=10, context_length=3 * PREFILL_ROWS, memory=3)
    prompt = [index % 7 for index in range(2 * PREFILL_ROWS + 5)]
    plain = decode_plainly(target, prompt, 6, frozenset(), SamplingParams())
    assert list(generate(target, prompt, GenerationParams(6), Drafting()).tokens) == plain


def test_leaving_a_stream_frees_its_sequence() -> None:
    target = HashTarget(vocabulary=64)
    stream = SpeculativeGenerator(target, ByteTokenizer(), Drafting()).generate([1, 2], GenerationParams(20))
    next(stream)
    assert target.open_sequences == 1
    del stream
    assert target.open_sequences == 0


def test_nonsense_fails_the_request_alone() -> None:
    class Broken(HashTarget):
        def row(self, tokens: Sequence[int]) -> torch.Tensor:
            row = super().row(tokens)
            return torch.full_like(row, math.nan) if len(tokens) > 5 else row

    target = Broken(vocabulary=64)
    generator = SpeculativeGenerator(target, ByteTokenizer(), Drafting())
    with pytest.raises(InvalidLogits, match="position 6"):
        list(generator.generate([1, 2, 3], GenerationParams(20)))
    assert target.open_sequences == 0
    assert len(list(generator.generate([1], GenerationParams(2)))) > 1


@pytest.mark.parametrize("tokens", [[3, 64], [-1, 3]])
def test_tokens_that_the_model_does_not_have_are_refused_before_any_work(tokens: list[int]) -> None:
    target = HashTarget(vocabulary=64)
    generator = SpeculativeGenerator(target, ByteTokenizer(), Drafting())
    with pytest.raises(ValueError, match=r"the prompt holds token .* ids end at 63"):
        generator.generate(tokens, GenerationParams(4))
    biased = SamplingParams(logit_bias=tuple((token, 1.0) for token in tokens))
    with pytest.raises(ValueError, match="logit_bias holds token"):
        generator.generate([1], GenerationParams(4, biased))


def test_tokens_behind_the_prompt_are_not_watched() -> None:
    generator = SpeculativeGenerator(HashTarget(), ByteTokenizer(), Drafting())
    query = AttentionQuery(2, 4, ((0, 2),), ((0, 0),))
    with pytest.raises(ValueError, match="token 3 is to be watched; the prompt has 3"):
        generator.generate([1, 2, 3], GenerationParams(4, attention=query))


def test_a_stop_string_over_several_tokens_of_one_step_ends_it() -> None:
    """All of the stop string, and what follows it, comes in one confirmed draft."""
    target = HashTarget(vocabulary=128, context_length=200)
    plain = decode_plainly(target, [1, 2, 3], 30, frozenset(), SamplingParams())
    text = ByteTokenizer().decode(plain)
    params = GenerationParams(30, stop=(text[10:14],))
    done = generate(target, [1, 2, 3], params, Giving(GivenDraft([[], plain[1:]])), max_rows=32)
    assert done.text == text[: text.index(text[10:14])]
    assert (done.finish_reason, done.stats.steps) == (FinishReason.STOP, 1)


def test_a_cancel_is_noticed_within_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = Event()
    lengths: list[int] = []
    extend = HashSequence.extend

    def watched(self: HashSequence, tokens: Sequence[int], *rest: Any) -> torch.Tensor:  # noqa: ANN401
        rows = extend(self, tokens, *rest)
        lengths.append(self.length)
        if len(lengths) == 2:
            cancel.set()
        return rows

    monkeypatch.setattr(HashSequence, "extend", watched)
    target = HashTarget(vocabulary=64, context_length=4 * PREFILL_ROWS)
    done = generate(target, [1] * (3 * PREFILL_ROWS), GenerationParams(9, cancel=cancel))
    assert (lengths, done.finish_reason) == ([PREFILL_ROWS, 2 * PREFILL_ROWS], FinishReason.CANCELLED)
    cancel.clear()
    lengths.clear()
    done = generate(target, [1, 2, 3], GenerationParams(9, cancel=cancel), source=None)
    assert (lengths, done.finish_reason) == ([3, 4], FinishReason.CANCELLED)
    assert target.open_sequences == 0


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: GenerationParams(0), "max_tokens"),
        (lambda: SamplingParams(temperature=-1), "temperature"),
        (lambda: SamplingParams(top_k=-1), "top_k"),
        (lambda: SamplingParams(top_p=0), "top_p"),
        (lambda: SamplingParams(min_p=1.1), "min_p"),
        (lambda: SamplingParams(temperature=math.nan), "temperature"),
        (lambda: SamplingParams(repetition_penalty=0.0), "repetition_penalty must be between 0.1 and 10"),
        (lambda: SamplingParams(presence_penalty=2.1), "presence_penalty must be between -2 and 2"),
        (lambda: SamplingParams(frequency_penalty=-3), "frequency_penalty must be between -2 and 2"),
        (lambda: SamplingParams(logit_bias=((3, math.inf),)), "logit_bias must be between -100 and 100"),
        (lambda: SamplingParams(logit_bias=((3, 1.0), (3, 2.0))), "names a token twice"),
        (lambda: SamplingParams(logit_bias=tuple((at, 1.0) for at in range(1025))), "at most 1024 tokens"),
        (lambda: GenerationParams(4, stop=("a", "")), "1 to 512 characters, not 0"),
        (lambda: GenerationParams(4, stop=("a",) * 17), "at most 16 stop strings"),
        (lambda: SpeculativeGenerator(HashTarget(), ByteTokenizer(), None, 0), "max_rows"),
    ],
)
def test_impossible_parameters_are_refused(make: Callable[[], object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make()
