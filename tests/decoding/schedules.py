"""``python -m tests.decoding.schedules COUNT [MODEL_FOLDER] [SEED]``: random mixes of requests against each alone.

Without a model folder on a tiny model with random weights. Requests come, are cancelled, share beginnings and lose
their place in memory at random; every logit that tells a token must have the bits that plain decoding gives it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Event
from typing import NamedTuple

import torch

from decoding.attention import AttentionQuery
from decoding.batch import Batch
from decoding.drafting.drafter import Drafting
from decoding.drafting.step_cost import StepCost
from decoding.exact.target import ExactTarget
from decoding.generator import DraftText, GenerationDone, GenerationParams, SamplingParams, TokenChunk, Tokenizer
from decoding.prefix_cache import PrefixCache
from decoding.request import Request
from decoding.sampling import Sampler
from decoding.target import TargetModel
from tests.decoding.drafting.making import draft_model

COST = StepCost((1, 16, 128), (1.0, 1.2, 6.0))
"""Few rows of a prompt go beside streams, so that prompts are cut into many pieces."""


class Sizes(NamedTuple):
    """Token ids are below ``vocabulary``; ``prompt`` and ``output`` are the most tokens of each."""

    vocabulary: int
    prompt: int
    output: int


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a schedule: it comes before pass ``comes`` and is cancelled before pass ``goes``."""

    comes: int
    goes: int | None
    prompt: tuple[int, ...]
    params: GenerationParams


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a schedule went through."""

    passes: int
    preemptions: int
    cancelled: int


class WatchedSampler(Sampler):
    """Remembers the bits that it chose by."""

    def __init__(self, params: SamplingParams, prompt: Sequence[int]) -> None:
        super().__init__(params, prompt)
        self.seen: list[bytes] = []

    def choose(self, logits: torch.Tensor) -> int:
        self.seen.append(blake2b(logits.numpy().tobytes(), digest_size=8).digest())
        return super().choose(logits)


def alone(
    target: TargetModel, ask: Ask, end_tokens: frozenset[int]
) -> tuple[list[int], list[bytes], tuple[float, ...]]:
    """The answer, what it was chosen by, and its prompt's attention, of plain decoding: one token, one pass."""
    sampler = WatchedSampler(ask.params.sampling, ask.prompt)
    sequence = target.start()
    if ask.params.attention is not None:
        sequence.watch(ask.params.attention)
    said: list[int] = []
    row = sequence.extend(ask.prompt, 1)[0]
    while (token := sampler.choose(row)) not in end_tokens:
        said.append(token)
        if len(said) == ask.params.max_tokens:
            break
        row = sequence.extend([token], 1)[0]
    attention = sequence.attention
    sequence.close()
    return said, sampler.seen, attention


def schedule(chance: random.Random, sizes: Sizes) -> list[Ask]:
    """One to eight requests, many of them with a common beginning."""
    tokens, prompt_tokens, max_tokens = sizes
    common = [chance.randrange(tokens) for _ in range(prompt_tokens)]
    asks = []
    for _ in range(chance.randint(1, 8)):
        shared = chance.choice([0, chance.randint(1, prompt_tokens - 1), prompt_tokens - 1])
        own = [chance.randrange(tokens) for _ in range(chance.randint(1, max(1, prompt_tokens - shared)))]
        prompt = (*common[:shared], *own)
        comes = chance.choice([0, chance.randint(0, 40)])
        params = GenerationParams(
            chance.randint(1, max_tokens),
            chance.choice(
                [
                    SamplingParams(),
                    SamplingParams(temperature=0.9, top_p=0.9, seed=chance.randrange(1000)),
                    SamplingParams(temperature=0.5, repetition_penalty=1.2, seed=chance.randrange(1000)),
                ]
            ),
            cancel=Event(),
            scope=chance.choice(["mine", "mine", "yours"]),
            draft_texts=(DraftText("manual", tuple(common)),),
            batch=chance.random() < 0.3,
            attention=_looks(chance, len(prompt)),
        )
        goes = comes + chance.randint(0, 15) if chance.random() < 0.2 else None
        asks.append(Ask(comes, goes, prompt, params))
    return asks


def _looks(chance: random.Random, length: int) -> AttentionQuery | None:
    """Half of all requests ask where some tokens of their prompt, of ``length`` tokens, look."""
    if length < 2 or chance.random() < 0.5:
        return None
    start = chance.randint(1, length - 1)
    middle = chance.randint(0, start - 1)
    return AttentionQuery(start, chance.randint(start + 1, length), ((0, start), (middle, start)), ((0, 0), (0, 3)))


def run(
    target: TargetModel,
    tokenizer: Tokenizer,
    asks: Sequence[Ask],
    memory_bytes: int,
    cache_bytes: int,
    max_rows: int,
    small: TargetModel | None = None,
) -> Outcome:
    """Run ``asks`` together, with guesses of the model ``small`` if there is one.

    Raises AssertionError for an answer that is another one alone, or for one that starves.
    """
    cache = PrefixCache(cache_bytes) if cache_bytes else None
    model = draft_model(small, target.vocabulary, memory_bytes) if small is not None else None
    drafting = Drafting(ends=tokenizer.end_tokens, model=model)
    batch = Batch(target, max_rows, memory_bytes, COST, cache, drafting)
    requests = [Request(ask.prompt, ask.params, tokenizer, drafting(ask.params), COST) for ask in asks]
    samplers = [WatchedSampler(ask.params.sampling, ask.prompt) for ask in asks]
    for request, sampler in zip(requests, samplers, strict=True):
        request.sampler = sampler
    to_come = sorted(range(len(asks)), key=lambda index: asks[index].comes)
    passes = 0
    while to_come or len(batch):
        while to_come and asks[to_come[0]].comes <= passes:
            batch.add(requests[to_come.pop(0)])
        for ask in asks:
            if ask.goes is not None and ask.goes <= passes and ask.params.cancel is not None:
                ask.params.cancel.set()
        batch.step()
        passes += 1
        assert passes < 41 + _most_passes(asks, batch.load.preemptions), "somebody starves"
    cancelled = 0
    for ask, request, sampler in zip(asks, requests, samplers, strict=True):
        *chunks, done = request.news
        assert isinstance(done, GenerationDone), done
        said = [token for chunk in chunks if isinstance(chunk, TokenChunk) for token in chunk.tokens]
        expected, bits, attention = alone(target, ask, tokenizer.end_tokens)
        assert list(done.tokens) == said
        assert said == (expected if ask.goes is None else expected[: len(said)])
        assert sampler.seen[: len(said)] == bits[: len(said)]
        assert done.attention in (attention, ()) if ask.goes is not None else done.attention == attention
        cancelled += len(said) < len(expected)
    if cache is not None:
        cache.clear()
    return Outcome(passes, batch.load.preemptions, cancelled)


def _most_passes(asks: Sequence[Ask], preemptions: int) -> int:
    """In each pass some prompt gets on by 16 tokens, or a stream by one; who lost his place begins anew."""
    longest = max(len(ask.prompt) + ask.params.max_tokens for ask in asks)
    return sum(ask.params.max_tokens + len(ask.prompt) // 16 + 2 for ask in asks) + preemptions * (longest // 16 + 2)


def run_many(
    target: TargetModel,
    tokenizer: Tokenizer,
    count: int,
    seed: int,
    sizes: Sizes,
    small: TargetModel | None = None,
) -> Outcome:
    """So many random schedules; the sums of what they went through."""
    passes = preemptions = cancelled = 0
    widest = target.bytes_for(sizes.prompt + sizes.output + 32)
    for index in range(count):
        chance = random.Random(seed * 1_000_003 + index)
        asks = schedule(chance, sizes)
        memory = chance.choice([widest, int(chance.uniform(1.0, 3.0) * widest), 100 * widest])
        cache = chance.choice([0, widest, 10 * widest])
        try:
            outcome = run(target, tokenizer, asks, memory, cache, chance.choice([1, 8, 32]), small)
        except AssertionError as error:
            raise AssertionError(f"schedule {index} of seed {seed}: {error}") from error
        passes, preemptions = passes + outcome.passes, preemptions + outcome.preemptions
        cancelled += outcome.cancelled
    return Outcome(passes, preemptions, cancelled)


def opened(folder: Path | None, scratch: Path) -> tuple[ExactTarget, Tokenizer, Sizes]:
    """The model of ``folder``, or a tiny one that is made in ``scratch``."""
    from decoding.loading import load_decoder
    from tests.decoding.tiny import exact_target, write_gguf
    from tests.fakes.decoding import ByteTokenizer

    if folder is None:
        target = exact_target(write_gguf(scratch / "tiny.gguf", "llama", context=512), scratch / "packed")
        return target, ByteTokenizer(), Sizes(64, 150, 100)
    decoder = load_decoder(folder.name, folder, engine="exact")
    assert isinstance(decoder.target, ExactTarget)
    return decoder.target, decoder.tokenizer, Sizes(decoder.target.vocabulary, 300, 40)


def main(count: int, folder: Path | None, seed: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        target, tokenizer, sizes = opened(folder, Path(scratch))
        began = time.monotonic()
        done, preemptions, cancelled = 0, 0, 0
        while done < count:
            some = min(max(1, count // 20), count - done)
            outcome = run_many(target, tokenizer, some, seed + done, sizes)
            done, preemptions = done + some, preemptions + outcome.preemptions
            cancelled += outcome.cancelled
            sys.stdout.write(
                f"{done} schedules: 0 differing bits, {preemptions} preemptions, {cancelled} cut short, "
                f"{target.used_bytes} bytes still held, {time.monotonic() - began:.0f} s\n"
            )
            sys.stdout.flush()
        if target.used_bytes:
            sys.exit("memory of keys and values was not given back")


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        Path(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] != "tiny" else None,
        int(sys.argv[3]) if len(sys.argv) > 3 else 0,
    )
