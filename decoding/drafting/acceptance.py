"""How often a guess is right, learnt from what became of earlier ones.

Candidates for one place are asked in order. Each is judged given that none before it was right (a hazard), so the
probabilities of siblings need not be learnt together: one that is right takes nothing from those that were not asked.
"""

from __future__ import annotations

from decoding.drafting.candidates import MATCH_LENGTHS, RECENT, Evidence

PRIOR_WEIGHT = 12.0
"""Observations that the prior counts as."""

MEMORY = 400.0
"""Observations that are remembered; older ones fade."""

_BY_MATCH = {
    "text": (0.0, 0.26, 0.5, 0.77, 0.79, 0.88, 0.96),
    "document": (0.0, 0.02, 0.05, 0.22, 0.4, 0.6, 0.7),
    "answer": (0.0, 0.02, 0.15, 0.25, 0.3, 0.85, 0.95),
}
_BY_AGREEMENT = (0.2, 0.25, 0.45, 0.6, 1.0)
_OF_PLACES = {(1, 1): 1.9, (1, 2): 1.3, (RECENT, 1): 3.2, (RECENT, 2): 1.45}
"""Factors by part of the prompt and match length: short matches say more in the question and the first passage."""
_SUCCESSOR_BY_AGREEMENT = (0.04, 0.045, 0.06, 0.08, 0.1)
_MODEL_BY_CONFIDENCE = (0.45, 0.65, 0.8, 0.93, 0.99)


def prior(evidence: Evidence) -> float:
    """The probability to begin with, from recorded answers to half of the sample questions (see DECISIONS.md)."""
    if evidence.source == "model":
        return _MODEL_BY_CONFIDENCE[evidence.agreement]
    if evidence.source == "successor":
        return _SUCCESSOR_BY_AGREEMENT[evidence.agreement]
    probability = _BY_MATCH[evidence.source][MATCH_LENGTHS.index(evidence.match_length)]
    probability *= _BY_AGREEMENT[evidence.agreement]
    return probability * _OF_PLACES.get((evidence.part, evidence.match_length), 1.0)


class Acceptance:
    """Beta estimates by evidence. Threads may share one: a lost count does no harm."""

    def __init__(self) -> None:
        self._counts: dict[Evidence, list[float]] = {}
        """Evidence -> right guesses and guesses asked, the prior included."""

    def probability(self, evidence: Evidence) -> float:
        """That a candidate with this evidence is right, given that those asked before it were not."""
        counts = self._counts.get(evidence)
        if counts is None:
            counts = self._counts[evidence] = [prior(evidence) * PRIOR_WEIGHT, PRIOR_WEIGHT]
        return counts[0] / counts[1]

    def learn(self, evidence: Evidence, right: bool) -> None:
        """A candidate with this evidence was asked."""
        self.probability(evidence)
        counts = self._counts[evidence]
        if counts[1] > MEMORY:
            counts[0] *= 0.5
            counts[1] *= 0.5
        counts[0] += right
        counts[1] += 1.0
