"""Choosing the next token: a pure function of its logits, the text before it, the seed and its position.

Nothing else may enter: then a token is the same whether the row came from a step of one or of sixteen rows, and
speculative sampling needs no second random stream. With a draft that is not itself random, accepting it exactly
where it equals the target's own choice keeps the target's distribution (Leviathan et al. 2023, arXiv:2211.17192,
with a draft distribution of one point).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy

import numpy as np
import numpy.typing as npt
import torch

from decoding.generator import SamplingParams
from decoding.penalties import Penalties

_MASK = (1 << 64) - 1

_GUESSING, _ACCEPTING = 1, 2
"""Purposes of numbers beside the choice of a token itself."""

Probabilities = npt.NDArray[np.float64]


class InvalidLogits(ArithmeticError):
    """The model computed something that is not a number; the request can't go on, others can."""


class Sampler:
    """Chooses the tokens of one request, one after the other.

    Each choice becomes part of the text that the next one is judged by. Verification asks for the choice after a
    guess only once that guess was itself chosen, so penalties see exactly the tokens before their row, in a chain of
    guesses as in a tree, and nothing ever has to be taken back.
    """

    def __init__(self, params: SamplingParams, prompt: Sequence[int]) -> None:
        self._params = params
        self._penalties = Penalties(params, prompt)
        self._position = len(prompt)

    def choose(self, logits: torch.Tensor) -> int:
        """The next token, from float32 logits of shape (vocabulary,). Raises `InvalidLogits`."""
        token = self.pick(logits)
        self.follow(token)
        return token

    def pick(self, logits: torch.Tensor) -> int:
        """The same, without taking it into the text."""
        return choose(self._penalties.apply(logits.numpy()), self._params, self._position)

    def guess(self, logits: torch.Tensor) -> tuple[int, Probabilities]:
        """A token that a draft model draws with a number of its own, and what it was drawn from; to be accepted."""
        row = self._penalties.apply(logits.numpy())
        _best(row, self._position)
        probabilities = distribution(row, self._params)
        return draw(probabilities, uniform(self._params.seed, self._position, _GUESSING)), probabilities

    def accept(self, logits: torch.Tensor, guess: int, drawn_from: Probabilities) -> int:
        """The next token, which is ``guess`` as often as `draw_or_replace` can make it so."""
        row = self._penalties.apply(logits.numpy())
        _best(row, self._position)
        seed, position = self._params.seed, self._position
        numbers = uniform(seed, position, _ACCEPTING), uniform(seed, position)
        token = draw_or_replace(distribution(row, self._params), guess, drawn_from, *numbers)
        self.follow(token)
        return token

    def follow(self, token: int) -> None:
        """The text grew by ``token``."""
        self._penalties.append(token)
        self._position += 1

    def fork(self) -> Sampler:
        """One that knows the same text and goes on by itself."""
        forked = copy(self)
        forked._penalties = self._penalties.fork()
        return forked


def choose(row: npt.NDArray[np.float32], params: SamplingParams, position: int) -> int:
    """The token at absolute ``position``, from logits of shape (vocabulary,) to which penalties were applied.

    Raises `InvalidLogits` when the winning logit is not finite. Equal logits: the lowest token id wins.
    """
    best = _best(row, position)
    if params.temperature == 0.0:
        return best
    return draw(distribution(row, params), uniform(params.seed, position))


def logprobs(logits: torch.Tensor, tokens: Sequence[int]) -> tuple[float, ...]:
    """Natural logarithms of the probabilities that float32 logits of shape (vocabulary,) give to ``tokens``.

    One row at a time and by one thread, so that a row has the same bits in every step.
    """
    row = logits.numpy()
    highest = row.max()
    whole = float(highest) + math.log(float(np.exp(row - highest).sum()))
    return tuple(float(row[token]) - whole for token in tokens)


def _best(row: npt.NDArray[np.float32], position: int) -> int:
    best = int(np.argmax(row))
    if not np.isfinite(row[best]):
        raise InvalidLogits(f"the model's logits at position {position} are not finite")
    return best


def draw(probabilities: Probabilities, number: float) -> int:
    """The token whose share of the whole the ``number`` in [0, 1) falls into. Shares need not add up to one."""
    reached = np.cumsum(probabilities)
    chosen = int(np.searchsorted(reached, number * reached[-1], side="right"))
    # Rounding may carry the product to the whole itself: never step past the last possible token.
    return chosen if chosen < len(reached) else int(np.flatnonzero(probabilities)[-1])


def draw_or_replace(
    target: Probabilities, guess: int, drawn_from: Probabilities, accepting: float, replacing: float
) -> int:
    """A token of the ``target`` distribution, given a ``guess`` from another one (Leviathan et al. 2023, Algorithm 1).

    The guess stays with probability min(1, target / drawn from); what is missing of the target takes its place. Both
    distributions are given up to a factor; the two numbers are in [0, 1).
    """
    wanted, offered = target / target.sum(), drawn_from / drawn_from.sum()
    if accepting * offered[guess] < wanted[guess]:
        return guess
    missing = np.maximum(wanted - offered, 0.0)
    return draw(missing if missing.any() else wanted, replacing)


def distribution(row: npt.NDArray[np.float32], params: SamplingParams) -> Probabilities:
    """float64 probabilities of shape (vocabulary,), up to a factor, after temperature, top-k, top-p and min-p.

    ``top_k`` keeps the k most likely tokens; ``top_p`` then the fewest of them that together reach p (Holtzman et
    al. 2020, arXiv:1904.09751); ``min_p`` then those at least that share as likely as the likeliest (Nguyen et al.
    2024, arXiv:2407.01082). Tokens that are as likely as the last one kept stay out if their id is higher.
    """
    with np.errstate(over="ignore"):  # a tiny temperature carries all but the likeliest to minus infinity
        scaled = (row.astype(np.float64) - float(row.max())) / params.temperature
    probabilities: Probabilities = np.exp(scaled)
    if params.top_k and params.top_k < len(row):
        least = np.partition(probabilities, -params.top_k)[-params.top_k]
        probabilities = _only(probabilities, _likeliest(probabilities, least)[: params.top_k])
    if params.top_p < 1.0:
        whole = probabilities.sum()
        # Tokens below this bound are too few to hold what is left over: only the others need to be sorted.
        kept = _likeliest(probabilities, (1.0 - params.top_p) * whole / len(row))
        reached = np.cumsum(probabilities[kept])
        probabilities = _only(probabilities, kept[: int(np.searchsorted(reached, params.top_p * whole)) + 1])
    if params.min_p:
        probabilities = np.where(probabilities >= params.min_p * probabilities.max(), probabilities, 0.0)
    return probabilities


def _likeliest(probabilities: Probabilities, bound: float) -> npt.NDArray[np.intp]:
    """Tokens not below ``bound``, the likeliest first and the lowest id first among equals."""
    tokens = np.flatnonzero(probabilities >= bound)
    return tokens[np.argsort(-probabilities[tokens], kind="stable")]


def _only(probabilities: Probabilities, tokens: npt.NDArray[np.intp]) -> Probabilities:
    kept = np.zeros_like(probabilities)
    kept[tokens] = probabilities[tokens]
    return kept


def uniform(seed: int, position: int, purpose: int = 0) -> float:
    """A number in [0, 1) that depends on nothing but its arguments.

    A round of the SplitMix64 finaliser (Steele, Lea and Flood 2014) per argument; ``purpose`` 0 needs none.
    """
    state = _mix(_mix(seed & _MASK) ^ (position & _MASK))
    if purpose:
        state = _mix(state ^ purpose)
    return (state >> 11) / (1 << 53)


def _mix(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
