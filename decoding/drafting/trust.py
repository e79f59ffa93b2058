"""How far the probabilities that were learnt on other texts hold on this one."""

from __future__ import annotations

_BENEFIT_OF_DOUBT = 1.0
"""So many places count as right from the start, so that a request's first wrong guesses do not end its drafts."""

_FADING = 0.98
"""What a place in the text counts when the next one comes: about fifty places are remembered."""


class Trust:
    """Places of one request where a candidate was right over those where one should have been."""

    def __init__(self) -> None:
        self._hoped = self._came = 0.0

    @property
    def factor(self) -> float:
        """What probabilities are to be multiplied by; at most 1."""
        return min(1.0, (_BENEFIT_OF_DOUBT + self._came) / (_BENEFIT_OF_DOUBT + self._hoped))

    def learn(self, probability: float, right: bool) -> None:
        """One of the candidates for a place should have been right with this probability, and was or was not."""
        self._hoped = _FADING * self._hoped + probability
        self._came = _FADING * self._came + right
