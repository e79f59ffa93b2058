"""Choosing a token from a row of logits, as a pure function of the row, the seed and the position.

Nothing else may enter: then a token is the same whether the row came from a step of one or of sixteen rows, and
speculative sampling needs no second random stream. With a draft that is not itself random, accepting it exactly
where it equals the target's own choice keeps the target's distribution (Leviathan et al. 2023, arXiv:2211.17192,
with a draft distribution of one point).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from decoding.generator import SamplingParams

_MASK = (1 << 64) - 1


class InvalidLogits(ArithmeticError):
    """The model computed something that is not a number; the request can't go on, others can."""


def choose(logits: torch.Tensor, params: SamplingParams, position: int) -> int:
    """The token at absolute ``position``, from float32 logits of shape (vocabulary,).

    Raises `InvalidLogits` when the winning logit is not finite. Equal logits: the lowest token id wins.
    """
    row = logits.numpy()
    best = int(np.argmax(row))
    if not np.isfinite(row[best]):
        raise InvalidLogits(f"the model's logits at position {position} are not finite")
    if params.temperature == 0.0:
        return best
    probabilities = distribution(row, params)
    target = uniform(params.seed, position) * probabilities.sum()
    chosen = int(np.searchsorted(np.cumsum(probabilities), target, side="right"))
    # The sum and the last cumulative value may differ in the last bit: never step past the last possible token.
    return min(chosen, int(np.flatnonzero(probabilities)[-1]))


def distribution(row: npt.NDArray[np.float32], params: SamplingParams) -> npt.NDArray[np.float64]:
    """float64 probabilities of shape (vocabulary,), up to a factor, after temperature, top-k and top-p.

    ``top_k`` keeps the k most likely tokens; ``top_p`` then the fewest of them that together reach p (Holtzman et
    al. 2020, arXiv:1904.09751). Tokens that are as likely as the last one kept stay out if their id is higher.
    """
    scaled = (row.astype(np.float64) - float(row.max())) / params.temperature
    probabilities: npt.NDArray[np.float64] = np.exp(scaled)
    if params.top_k or params.top_p < 1.0:
        order = np.argsort(-scaled, kind="stable")
        if params.top_k:
            order = order[: params.top_k]
        if params.top_p < 1.0:
            reached = np.cumsum(probabilities[order])
            order = order[: int(np.searchsorted(reached, params.top_p * reached[-1], side="left")) + 1]
        kept = np.zeros_like(probabilities)
        kept[order] = probabilities[order]
        return kept
    return probabilities


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) that depends on nothing but its arguments.

    Two rounds of the SplitMix64 finaliser (Steele, Lea and Flood 2014), one per argument.
    """
    state = _mix(_mix(seed & _MASK) ^ (position & _MASK))
    return (state >> 11) / (1 << 53)


def _mix(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
