"""Plain autoregressive decoding: one token, one forward pass. What the speculative loop must equal."""

from __future__ import annotations

from collections.abc import Sequence

from decoding.generator import SamplingParams
from decoding.sampling import Sampler
from decoding.target import TargetModel


def decode_plainly(
    target: TargetModel,
    prompt: Sequence[int],
    max_tokens: int,
    end_tokens: frozenset[int],
    sampling: SamplingParams,
) -> list[int]:
    """At most ``max_tokens`` tokens after ``prompt``, up to and without the first end token.

    Shares with the speculative loop the target and the choice of a token from its row, and nothing else.
    """
    sampler = Sampler(sampling, prompt)
    sequence = target.start()
    try:
        row = sequence.extend(prompt, 1)[0]
        output: list[int] = []
        while True:
            token = sampler.choose(row)
            if token in end_tokens:
                return output
            output.append(token)
            if len(output) == max_tokens:
                return output
            row = sequence.extend([token], 1)[0]
    finally:
        sequence.close()
