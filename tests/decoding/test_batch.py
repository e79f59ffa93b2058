"""Requests that share passes: each says what it says alone, and each has its turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
import torch

from decoding.batch import Batch
from decoding.drafting.drafter import Drafting
from decoding.drafting.step_cost import StepCost
from decoding.generate import SpeculativeGenerator
from decoding.generator import FinishReason, GenerationDone, GenerationParams, SamplingParams, TokenChunk
from decoding.oracle import decode_plainly
from decoding.prefix_cache import PrefixCache
from decoding.request import Request
from decoding.sampling import InvalidLogits
from decoding.schedule import PEOPLE_IN_A_ROW, PREFILL_ROWS
from decoding.target import Extension
from tests.decoding.drafting.making import FLAT
from tests.decoding.dull import Dull
from tests.decoding.schedules import Sizes, run_many
from tests.decoding.tiny import exact_target, needs_exact, write_gguf
from tests.fakes.decoding import ByteTokenizer
from tests.fakes.target import HashSequence, HashTarget

SLOW = StepCost((1, 16, 128), (0.03, 0.04, 0.2))
"""92 rows fit into the time of a pass beside streams."""


class WatchedTarget(HashTarget):
    """Remembers the rows of each pass, one count for each sequence in it."""

    def __init__(self, context_length: int = 4096) -> None:
        super().__init__(vocabulary=50, context_length=context_length, memory=3)
        self.passes: list[list[int]] = []

    def extend(self, extensions: Sequence[Extension]) -> list[torch.Tensor]:
        self.passes.append([len(extension.tokens) for extension in extensions])
        return super().extend(extensions)


def request(prompt: Sequence[int], params: GenerationParams) -> Request:
    return Request(prompt, params, ByteTokenizer(), None, SLOW)


def batch_of(target: HashTarget, memory_bytes: int = 1 << 20, cache: PrefixCache | None = None) -> Batch:
    return Batch(target, 1, memory_bytes, SLOW, cache)


def finish(batch: Batch, *requests: Request) -> list[list[int]]:
    """Step until nothing is left; what each request said."""
    for each in requests:
        batch.add(each)
    while len(batch):
        batch.step()
    return [text_of(each) for each in requests]


def text_of(each: Request) -> list[int]:
    done = each.news[-1]
    assert isinstance(done, GenerationDone)
    return list(done.tokens)


def test_random_schedules_change_nothing() -> None:
    """`tests.decoding.schedules` runs as many as wanted; these go through everything that can happen."""
    target = HashTarget(vocabulary=60, context_length=400, memory=3)
    outcome = run_many(target, ByteTokenizer(), 120, 1, Sizes(60, 100, 60))
    assert outcome.preemptions > 10
    assert outcome.cancelled > 10
    assert target.open_sequences == 0


@needs_exact
def test_random_schedules_change_no_bit(tmp_path: Path) -> None:
    target = exact_target(write_gguf(tmp_path / "tiny.gguf", "qwen2", context=512), tmp_path / "packed")
    outcome = run_many(target, ByteTokenizer(), 60, 2, Sizes(64, 150, 100))
    assert outcome.preemptions > 10
    assert target.used_bytes == 0


def test_random_schedules_with_a_draft_model_change_nothing() -> None:
    """It is right two times out of three, and its keys and values go when a request goes or loses its place."""
    target = HashTarget(vocabulary=60, context_length=400, memory=3)
    small = Dull(target, right=0.67)
    outcome = run_many(target, ByteTokenizer(), 40, 3, Sizes(60, 100, 60), small)
    assert outcome.preemptions > 3
    assert outcome.cancelled > 3
    assert small.passes > 300
    assert (target.open_sequences, small.open_sequences) == (0, 0)


def test_streams_share_each_pass() -> None:
    target = WatchedTarget()
    params = GenerationParams(10)
    finish(batch_of(target), *(request([index, 2, 3], params) for index in range(5)))
    assert target.passes == [[3] * 5, *[[1] * 5] * 9]


def test_a_prompt_beside_streams_is_cut_so_that_they_flow() -> None:
    target = WatchedTarget()
    batch = batch_of(target)
    stream = request([1, 2, 3], GenerationParams(40))
    batch.add(stream)
    batch.step()
    batch.add(request([7] * 1000, GenerationParams(1)))
    batch.step()
    assert target.passes[1] == [1, 91]
    finish(batch)
    assert all(rows[0] == 1 for rows in target.passes[1:12])  # the stream got its token in each pass
    assert sum(rows[1] for rows in target.passes[1:12]) == 1000


def test_prompts_alone_fill_the_pass() -> None:
    target = WatchedTarget()
    finish(batch_of(target), request([7] * 300, GenerationParams(1)), request([8] * 300, GenerationParams(1)))
    assert target.passes[0] == [PREFILL_ROWS]
    assert target.passes[1] == [300 - PREFILL_ROWS, 2 * PREFILL_ROWS - 300]


def test_guesses_go_to_those_who_have_the_best() -> None:
    """One request repeats a text word by word, the other has nothing to guess: all guesses are the first one's."""
    target = HashTarget(vocabulary=50, context_length=300, memory=1)
    drafting = Drafting()
    cost = StepCost((1, 12, 13), (1.0, 1.0, 100.0))
    batch = Batch(target, 32, 1 << 20, cost, None)
    plain = decode_plainly(target, [1, 2, 3], 80, frozenset(), SamplingParams())
    knowing = GenerationParams(80, scope="known")
    for _ in range(2):  # the second time its answer is remembered
        known = Request([1, 2, 3], knowing, ByteTokenizer(), drafting(knowing), cost)
        unknown = Request([4, 5, 6], GenerationParams(80), ByteTokenizer(), None, cost)
        said_both = finish(batch, known, unknown)
    assert said_both == [plain, decode_plainly(target, [4, 5, 6], 80, frozenset(), SamplingParams())]
    assert known.record.steps < 20
    assert known.record.rows / known.record.steps <= 11
    assert unknown.record.rows == unknown.record.steps == 79


def test_guesses_never_cost_a_full_step_its_speed() -> None:
    """Where every row more costs what a token brings, streams that fill the pass are not drafted for."""
    dear = StepCost((1, 8, 9), (1.0, 1.05, 2.0))
    target, drafting = HashTarget(vocabulary=50, context_length=300, memory=1), Drafting()
    widths = {}
    for streams in (1, 8):
        batch = Batch(target, 32, 1 << 20, dear, None)
        params = GenerationParams(60)
        requests = [Request([each], params, ByteTokenizer(), drafting(params), dear) for each in range(streams)]
        finish(batch, *requests)
        widths[streams] = sum(each.record.drafted for each in requests)
    assert widths[1] > 0
    assert widths[8] == 0


def test_beside_prompts_several_streams_are_not_drafted_for() -> None:
    target, drafting = HashTarget(vocabulary=50, context_length=900, memory=1), Drafting()
    batch = Batch(target, 32, 1 << 20, FLAT, None)
    params = GenerationParams(60)
    streams = [Request([each], params, ByteTokenizer(), drafting(params), FLAT) for each in range(2)]
    for stream in streams:
        batch.add(stream)
    while not any(stream.record.drafted for stream in streams):
        batch.step()
    before = [stream.record.drafted for stream in streams]
    batch.add(request([7] * 600, GenerationParams(1)))
    batch.step()
    assert [stream.record.drafted for stream in streams] == before
    assert all(len(news.tokens) == 1 for stream in streams if isinstance(news := stream.news[-1], TokenChunk))


def test_a_common_beginning_is_computed_once_among_those_in_flight() -> None:
    target = WatchedTarget()
    batch = batch_of(target, cache=PrefixCache(1 << 20))
    common = list(range(40))
    one, two = request([*common, 1], GenerationParams(30)), request([*common, 2, 3], GenerationParams(30))
    stranger = request([*common, 2, 3], GenerationParams(30, scope="other"))
    batch.add(one)
    batch.step()
    batch.add(two)
    batch.add(stranger)
    batch.step()
    assert target.passes == [[41], [1, 2, 42]]
    finish(batch)
    done = two.news[-1]
    assert isinstance(done, GenerationDone)
    assert done.stats.cached_tokens == 40
    assert text_of(two) == text_of(stranger)


def test_programs_wait_for_people_but_not_for_ever() -> None:
    target = WatchedTarget()
    batch = batch_of(target)
    program = request([9] * 256, GenerationParams(1, batch=True))
    batch.add(program)
    people = 0
    while not program.news:
        batch.add(request([people % 50] * 256, GenerationParams(1)))
        people += 1
        batch.step()
        assert people <= 2 * PEOPLE_IN_A_ROW
    assert people == PEOPLE_IN_A_ROW + 1


def test_who_lost_his_place_goes_on_where_he_was() -> None:
    target = WatchedTarget()
    prompts = ([1, 2, 3], [4, 5, 6], [7, 8, 9])
    plain = [decode_plainly(target, prompt, 60, frozenset(), SamplingParams()) for prompt in prompts]
    target.passes.clear()
    batch = batch_of(target, memory_bytes=target.bytes_for(90))
    assert finish(batch, *(request(prompt, GenerationParams(60)) for prompt in prompts)) == plain
    assert batch.load.preemptions >= 2
    assert target.open_sequences == 0


def test_one_request_alone_has_its_place_however_little_memory_there_is() -> None:
    target = WatchedTarget()
    plain = decode_plainly(target, [1, 2, 3], 20, frozenset(), SamplingParams())
    assert finish(batch_of(target, memory_bytes=1), request([1, 2, 3], GenerationParams(20))) == [plain]


def test_a_failing_pass_fails_its_requests_and_no_later_one() -> None:
    class Failing(HashTarget):
        fails = True

        def extend(self, extensions: Sequence[Extension]) -> list[torch.Tensor]:
            if self.fails:
                raise MemoryError("no memory for a page")
            return super().extend(extensions)

    target = Failing(vocabulary=50)
    batch = batch_of(target)
    failed = request([1, 2], GenerationParams(5))
    batch.add(failed)
    batch.step()
    assert isinstance(failed.news[-1], MemoryError)
    assert (len(batch), target.open_sequences) == (0, 0)
    target.fails = False
    assert len(finish(batch, request([1, 2], GenerationParams(5)))[0]) == 5


def test_threads_drive_each_other() -> None:
    """Eight streams from eight threads; one leaves, one is cancelled, one gets nonsense; the others say all."""

    class Broken(HashTarget):
        def row(self, tokens: Sequence[int]) -> torch.Tensor:
            row = super().row(tokens)
            return torch.full_like(row, float("nan")) if tokens[0] == 6 and len(tokens) > 12 else row

    target = Broken(vocabulary=50, context_length=200, memory=3)
    generator = SpeculativeGenerator(target, ByteTokenizer(), Drafting(), cost=FLAT)
    start, cancel = Barrier(8), Event()
    said: dict[int, tuple[FinishReason, list[int]]] = {}
    lost: dict[int, str] = {}

    def read(index: int) -> None:
        params = GenerationParams(
            60, SamplingParams(temperature=0.8, seed=index), cancel=cancel if index == 5 else None
        )
        start.wait()
        heard: list[int] = []
        try:
            for item in generator.generate([index, 1, 2], params):
                if isinstance(item, GenerationDone):
                    said[index] = (item.finish_reason, heard)
                else:
                    heard += item.tokens
                if index == 4 and len(heard) > 5:
                    lost[index] = "left"
                    return
                if index == 5 and len(heard) > 5:
                    cancel.set()
        except InvalidLogits as error:
            lost[index] = str(error)

    threads = [Thread(target=read, args=[index]) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert lost == {4: "left", 6: "the model's logits at position 13 are not finite"}
    assert sorted(said) == [0, 1, 2, 3, 5, 7]
    for index, (reason, heard) in said.items():
        sampling = SamplingParams(temperature=0.8, seed=index)
        plain = decode_plainly(target, [index, 1, 2], 60, frozenset(), sampling)
        assert heard == plain[: len(heard)]
        assert reason is (FinishReason.CANCELLED if len(heard) < 60 else FinishReason.LENGTH)
        assert index == 5 or len(heard) == 60
    assert target.open_sequences == 0


def test_a_stream_that_nobody_reads_holds_nobody_up() -> None:
    target = HashTarget(vocabulary=50, context_length=200)
    generator = SpeculativeGenerator(target, ByteTokenizer(), None)
    idle = generator.generate([1, 2], GenerationParams(50))
    first = next(idle)
    *_, done = generator.generate([3, 4], GenerationParams(50))
    assert isinstance(done, GenerationDone)
    assert len(done.tokens) == 50
    rest = [token for item in idle if isinstance(item, TokenChunk) for token in item.tokens]
    assert isinstance(first, TokenChunk)
    assert [*first.tokens, *rest] == decode_plainly(target, [1, 2], 50, frozenset(), SamplingParams())


def test_an_interrupt_ends_the_streams_of_its_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    target = HashTarget(vocabulary=50)
    generator = SpeculativeGenerator(target, ByteTokenizer(), None)
    other = generator.generate([1, 2], GenerationParams(9))
    next(other)

    def interrupted(*_: object) -> torch.Tensor:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(HashSequence, "extend", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(generator.generate([3], GenerationParams(9)))
    with pytest.raises(RuntimeError, match="interrupted"):
        list(other)
    assert target.open_sequences == 0
    assert len(list(generator.generate([1], GenerationParams(2)))) > 1


def test_its_load_tells_rows_sequences_and_memory() -> None:
    target = WatchedTarget()
    batch = batch_of(target, memory_bytes=1 << 20)
    requests = [request(range(1, 1 + length), GenerationParams(5)) for length in (300, 7)]
    for each in requests:
        batch.add(each)
    assert (batch.load.sequences, batch.load.waiting, batch.load.memory_bytes) == (0, 2, 0)
    batch.step()
    load = batch.load
    assert load.sequences + load.waiting == 2
    assert 0 < load.memory_bytes <= load.limit_bytes == 1 << 20
    while len(batch):
        batch.step()
    load = batch.load
    rows = [sum(widths) for widths in target.passes]
    assert load.passes == {width: rows.count(width) for width in rows}
    assert (load.prompt_rows, load.draft_rows) == (307, 0)
    assert load.prompt_rows + load.stream_rows == sum(rows)
    assert (load.sequences, load.waiting, load.memory_bytes, load.preemptions) == (0, 0, 0, 0)
