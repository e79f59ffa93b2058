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

_PRIOR_WEIGHT = 4.0
_MEMORY = 200.0
_USUAL_GUESSES = 11
_DRIFT = 1e-5
"""How far gains go back to what was hoped at first, each step: a wager that was given up is tried again some day."""


_STAKE = 0.015
_MOST_ON_ACCOUNT = 1.0
"""What may be lost: this share of the time of all steps, and what was won before, up to so many seconds."""


class Wager:
    """What tokens, passes and guesses are worth. ``target`` and ``model`` are the costs of their passes.

    With ``eager`` every text is read at once, whatever that costs: for measuring what guesses could bring.
    """

    def __init__(self, target: StepCost, model: StepCost, *, eager: bool = False) -> None:
        self._target = target
        self._model = model
        self._eager = eager
        self._account = 0.0
        """Seconds that may be lost."""
        self._tokens = _Mean(2.0, 50.0)
        """Tokens that a step confirms without the small model."""
        self._right = _Mean(0.75, 10.0)
        self._gains = [
            _Mean(_GAIN_WITHOUT_HOPE * (1.0 - (low + high) / 2), _PRIOR_WEIGHT)
            for low, high in zip((0.0, *HOPES), (*HOPES, 1.0), strict=True)
        ]

    @property
    def going_on(self) -> float:
        """How likely a guess is right whose predecessors are."""
        return self._right.value

    def token_seconds(self, streams: int) -> float:
        """What one token more saves, where so many streams share each pass."""
        return self._target.of(streams + _USUAL_GUESSES) / (streams * self._tokens.value)

    def gain(self, hope: float) -> float:
        """Tokens that a step is expected to confirm more by the model's guesses, all but the first one paid for."""
        return self._gains[bisect_right(HOPES, hope)].value if self._account >= 0.0 else 0.0

    def saving(self, hope: float, streams: int) -> float:
        """Seconds that a step would be spared by the model, if it had read the text; 0.0 where it is not asked."""
        return max(0.0, self.gain(hope) * self.token_seconds(streams) - self._model.of(1))

    def worth_reading(self, missed: float, seconds: float) -> bool:
        """Whether to read a text for so many seconds, when not having read it has cost ``missed`` seconds so far.

        Nobody knows how long an answer gets. Once what was missed would have paid for the reading, as much again is
        expected (as with hiring and buying skis: at most twice what the best choice would have cost).
        """
        return self._eager or missed >= seconds

    def learn(self, hope: float, extra: float, right: Sequence[bool]) -> None:
        """Which guesses of a chain were ``right``, up to the first wrong one.

        ``extra`` tokens came by it, less what passes after the first were worth.
        """
        self._gains[bisect_right(HOPES, hope)].add(extra)
        for each in right:
            self._right.add(float(each))
            if not each:
                break

    def learn_step(self, tokens: float, won: float) -> None:
        """A step would have confirmed so many tokens without the model, which won (or lost) so many seconds."""
        self._tokens.add(tokens)
        stake = _STAKE * self._target.of(_USUAL_GUESSES)
        self._account = min(_MOST_ON_ACCOUNT, self._account + won + stake)
        for mean in self._gains:
            mean.drift(_DRIFT)


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
