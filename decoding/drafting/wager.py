"""Whether a guess of the small model is worth its time, learnt from what its guesses brought.

A pass of the small model is dear: its c is a tenth to a third, not the nothing that a look into a text costs. So a pass
is run only where the tokens that it is expected to add take longer without it. What it added is learnt; where it does
not pay, it is asked no more, but for a rare trial.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from decoding.drafting.step_cost import StepCost

HOPES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Ends of the ranges of hope (how likely other sources know the next token) within which gains are alike."""

_GAIN_WITHOUT_HOPE = 1.2
"""Tokens that a step gains by the model where nothing else knows any, to begin with."""

_PRIOR_WEIGHT = 10.0
_MEMORY = 200.0
_USUAL_GUESSES = 11
_DRIFT = 0.001
"""How far gains go back to what was hoped at first, each step: a wager that was given up is tried again some day."""


class Wager:
    """What tokens, passes and guesses are worth. ``target`` and ``model`` are the costs of their passes.

    With ``eager`` every text is read at once, whatever that costs: for measuring what guesses could bring.
    """

    def __init__(self, target: StepCost, model: StepCost, *, eager: bool = False) -> None:
        self._target = target
        self._eager = eager
        self._tokens = _Mean(2.0, 50.0)
        """Tokens that a step confirms without the small model."""
        self._right = _Mean(0.75, _PRIOR_WEIGHT)
        self._gains = [
            _Mean(_GAIN_WITHOUT_HOPE * (1.0 - (low + high) / 2), _PRIOR_WEIGHT)
            for low, high in zip((0.0, *HOPES), (*HOPES, 1.0), strict=True)
        ]
        self._saving = _Mean(max(0.0, 0.6 * self.token_seconds(1) - model.of(1)), 50.0)
        """Seconds that a step saves where the small model has read the text."""

    @property
    def going_on(self) -> float:
        """How likely a guess is right whose predecessors are."""
        return self._right.value

    def token_seconds(self, streams: int) -> float:
        """What one token more saves, where so many streams share each pass."""
        return self._target.of(streams + _USUAL_GUESSES) / (streams * self._tokens.value)

    def gain(self, hope: float) -> float:
        """Tokens that a step is expected to confirm more by the model's guesses."""
        return self._gains[bisect_right(HOPES, hope)].value

    def worth_reading(self, steps: int, seconds: float) -> bool:
        """Whether to read a text for so many seconds, after so many steps of its request.

        Nobody knows how long an answer gets. Once as many steps were taken as the reading needs to pay, as many again
        are expected (as with hiring and buying skis: at most twice what the best choice would have cost).
        """
        return self._eager or steps * self._saving.value >= seconds

    def learn(self, hope: float, extra: float, right: Sequence[bool]) -> None:
        """Which guesses of a chain were ``right``, up to the first wrong one; ``extra`` tokens came by it."""
        self._gains[bisect_right(HOPES, hope)].add(extra)
        for each in right:
            self._right.add(float(each))
            if not each:
                break

    def learn_step(self, tokens: float) -> None:
        """A step would have confirmed so many tokens without the model."""
        self._tokens.add(tokens)
        for mean in self._gains:
            mean.drift(_DRIFT)

    def learn_saving(self, seconds: float) -> None:
        """A step of a text that the model has read saved so much time."""
        self._saving.add(seconds)

    def forget_a_little(self) -> None:
        """A request ended whose text was not worth reading."""
        self._saving.drift(10 * _DRIFT)


class _Mean:
    """A mean that begins with ``first``, as if seen ``weight`` times, and forgets slowly."""

    def __init__(self, first: float, weight: float) -> None:
        self.value = self._first = first
        self._weight = weight

    def add(self, seen: float) -> None:
        self._weight = min(self._weight + 1.0, _MEMORY)
        self.value += (seen - self.value) / self._weight

    def drift(self, share: float) -> None:
        """Go back towards the beginning."""
        self.value += share * (self._first - self.value)
