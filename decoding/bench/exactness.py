"""Whether a row's logits depend on anything but its own sequence: counted bit for bit on a real text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from decoding.target import Extension, TargetModel, TargetSequence

WIDTHS = (2, 3, 5, 7, 8, 11, 13, 14, 15, 16, 24, 31, 32)
CHUNKS = (64, 96, 255, 256)


@dataclass(frozen=True, slots=True)
class Exactness:
    """``rows`` of logits compared with those of steps of one token; ``differing`` are not the same bit for bit."""

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
