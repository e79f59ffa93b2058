"""What speculation should gain, by the theory of Leviathan et al. 2023 (arXiv:2211.17192) and by measured times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceCount:
    """Guesses of one source with one range of match lengths (its lower end): rows run and rows that were right."""

    source: str
    match_length: int
    proposed: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Speedup:
    """Decoding with drafts compared with plain decoding, for the steps of one request.

    ``alpha``: share of right guesses among the places that were guessed at and reached; ``gamma``: depth of the drafts
    in tokens, mean; ``c``: time of guessing one token over that of a step of one row. ``theorem`` is the gain by
    Theorem 3.8 from these three, which holds steps of all widths equally dear; ``measured_cost`` is tokens per step
    over the cost of the steps actually run, by the measured times of their widths.
    """

    alpha: float
    gamma: float
    c: float
    theorem: float
    measured_cost: float


def expected_tokens(alpha: float, gamma: float) -> float:
    """Tokens that a step confirms (equation 1): gamma guesses, each right with probability alpha if reached."""
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha is a probability, not {alpha}")
    if gamma < 0:
        raise ValueError(f"gamma is a number of tokens, not {gamma}")
    return gamma + 1.0 if alpha == 1.0 else float((1.0 - alpha ** (gamma + 1.0)) / (1.0 - alpha))


def theorem_3_8(alpha: float, gamma: float, c: float) -> float:
    """The factor by which decoding gets faster (Theorem 3.8); ``c`` see `Speedup`."""
    return expected_tokens(alpha, gamma) / (gamma * c + 1.0)


def theorem_3_11(alpha: float, gamma: float, c_hat: float) -> float:
    """The factor by which arithmetic operations grow (Theorem 3.11).

    ``c_hat`` is the draft model's operations per token over the target's.
    """
    return (gamma * c_hat + gamma + 1.0) / expected_tokens(alpha, gamma)
