"""Whether logits depend on anything but their own sequence, and answers on anything but their prompt and seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from decoding.bench.prompts import BenchPrompt
from decoding.generator import GenerationDone, GenerationParams, Generator, SamplingParams
from decoding.oracle import decode_plainly
from decoding.target import Extension, TargetModel, TargetSequence

WIDTHS = (2, 3, 5, 7, 8, 11, 13, 14, 15, 16, 24, 31, 32)
CHUNKS = (64, 96, 255, 256)
SAMPLINGS = {"greedy": SamplingParams(), "seeded": SamplingParams(temperature=0.8, top_p=0.95, seed=3)}


@dataclass(frozen=True, slots=True)
class Exactness:
    """``rows`` compared with those of steps of one token; ``differing`` are not the same.

    Rows are logits, compared bit for bit, or tokens of answers.
    """

    what: str
    rows: int
    differing: int


def check(target: TargetModel, tokens: Sequence[int]) -> Iterator[Exactness]:
    """Steps of several widths, chunks of a prompt, forks, and passes that several sequences share."""
    plain = list(_cut(target.start(), tokens, 1))
    for width in (*WIDTHS, *CHUNKS):
        rows = list(_cut(target.start(), tokens, width))
        yield Exactness(f"steps of {width} rows", *_differing(rows, plain))
    yield Exactness("beginnings shared with another sequence", *_differing(_forked(target, tokens), plain))
    for streams in (2, 4, 8):
        rows = _shared(target, tokens, streams)
        yield Exactness(f"passes shared by {streams} sequences", *_differing(rows, plain))


def check_answers(
    target: TargetModel, prompts: Sequence[BenchPrompt], ends: frozenset[int], generators: Mapping[str, Generator]
) -> Iterator[Exactness]:
    """Answers of each of ``generators``, greedy and sampled, against plain decoding's, token by token.

    Every prompt is answered twice, so that what a generator keeps of the first answer serves the second.
    """
    for kind, sampling in SAMPLINGS.items():
        plain = {one.id: decode_plainly(target, one.tokens, one.max_tokens, ends, sampling) for one in prompts}
        for name, generator in generators.items():
            tokens = differing = 0
            for prompt in (*prompts, *prompts):
                params = GenerationParams(prompt.max_tokens, sampling, draft_texts=prompt.draft_texts)
                *_, done = generator.generate(prompt.tokens, params)
                assert isinstance(done, GenerationDone)
                right, said = plain[prompt.id], done.tokens
                tokens += max(len(right), len(said))
                differing += sum(one != other for one, other in zip(right, said, strict=False))
                differing += abs(len(right) - len(said))
            yield Exactness(f"{kind} answers, drafts from {name}", tokens, differing)


def _cut(sequence: TargetSequence, tokens: Sequence[int], width: int) -> Iterator[torch.Tensor]:
    for at in range(0, len(tokens), width):
        piece = tokens[at : at + width]
        yield from sequence.extend(piece, len(piece))
    sequence.close()


def _forked(target: TargetModel, tokens: Sequence[int]) -> list[torch.Tensor]:
    """The second half of the tokens, each quarter of it on top of a fork of the sequence before."""
    rows: list[torch.Tensor] = []
    start, piece = len(tokens) // 2, max(1, len(tokens) // 8)
    sequence = target.start()
    rows += sequence.extend(tokens[:start], start)
    for at in range(start, len(tokens), piece):
        sequence.extend([1, 2, 3], 0)  # what the fork does not take over
        forked = sequence.fork(at)
        sequence.close()
        sequence = forked
        some = tokens[at : at + piece]
        rows += sequence.extend(some, len(some))
    sequence.close()
    return rows


def _shared(target: TargetModel, tokens: Sequence[int], streams: int) -> list[torch.Tensor]:
    """One sequence in steps of 8 while the others, at other places of the text, run 1 to 40 rows in the same pass."""
    mine, others = target.start(), [target.start() for _ in range(streams - 1)]
    rows: list[torch.Tensor] = []
    for index, at in enumerate(range(0, len(tokens), 8)):
        piece = tokens[at : at + 8]
        extensions = []
        for number, other in enumerate(others):
            count = (1, 5, 40, 14)[(index + number) % 4]
            if other.length + count > min(target.context_length, 600):
                other.truncate(0)
            begin = (at + 37 * number) % max(1, len(tokens) - count)
            extensions.append(Extension(other, tokens[begin : begin + count], 1))
        place = index % streams
        extensions.insert(place, Extension(mine, piece, len(piece)))
        rows += target.extend(extensions)[place]
    for sequence in (mine, *others):
        sequence.close()
    return rows


def _differing(rows: Sequence[torch.Tensor], plain: Sequence[torch.Tensor]) -> tuple[int, int]:
    if len(rows) != len(plain):
        raise ValueError(f"{len(rows)} rows can't be compared with {len(plain)}")
    return len(rows), sum(not torch.equal(row, other) for row, other in zip(rows, plain, strict=True))
