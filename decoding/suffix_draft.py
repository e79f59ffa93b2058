"""Drafting by lookup: what followed the last time the text ended like this?

The retrieved passages stand in the prompt, so an answer in their words is found here, token by token. This is
prompt lookup (Saxena 2023; Yang et al. 2023, arXiv:2304.04487) with the longest matching suffix instead of a
fixed n-gram: the longer the shared context, the likelier the continuation.
"""

from __future__ import annotations

from decoding.draft import Draft

LONGEST_MATCH = 32
"""Tokens of context that are compared; a longer match says no more about what follows."""

MOST_PLACES = 256
"""Earlier places of a token that are looked at, the latest first: bounds the cost on text that repeats itself."""


class SuffixDraft:
    """Proposes the continuation of the earlier place whose preceding tokens match the most of the context's end.

    Among places that match equally long, the latest wins: what a text did last it tends to do again.

    >>> draft = SuffixDraft()
    >>> draft.append([1, 2, 3, 4, 9, 2, 3])
    >>> draft.propose(2)
    Draft(tokens=(4, 9), source='suffix', match_length=2)
    """

    name = "suffix"

    def __init__(self, minimum_match: int = 1) -> None:
        if minimum_match < 1:
            raise ValueError(f"minimum_match must be at least 1 token, not {minimum_match}")
        self._minimum = minimum_match
        self._context: list[int] = []
        self._places: dict[int, list[int]] = {}
        """Token id -> indices into the context where it stands and something follows, in order."""

    def append(self, tokens: list[int]) -> None:
        """The context grew by these confirmed tokens."""
        for token in tokens:
            if self._context:
                self._places.setdefault(self._context[-1], []).append(len(self._context) - 1)
            self._context.append(token)

    def propose(self, limit: int) -> Draft | None:
        """At most ``limit`` tokens that followed the best matching earlier place, or nothing."""
        if limit < 1 or not self._context:
            return None
        best, best_length = -1, self._minimum - 1
        for place in reversed(self._places.get(self._context[-1], [])[-MOST_PLACES:]):
            length = self._match_length(place)
            if length > best_length:
                best, best_length = place, length
                if length >= LONGEST_MATCH:
                    break
        if best < 0:
            return None
        tokens = self._context[best + 1 : best + 1 + limit]
        # A text that runs in a circle matches itself a short way back: the guess is that it goes round once more.
        while len(tokens) < limit:
            tokens += tokens[: limit - len(tokens)]
        return Draft(tuple(tokens), self.name, best_length)

    def _match_length(self, place: int) -> int:
        """How many tokens up to and with ``place`` equal those at the context's end."""
        context, end = self._context, len(self._context) - 1
        length = 1
        while length < LONGEST_MATCH and length <= place and context[place - length] == context[end - length]:
            length += 1
        return length
