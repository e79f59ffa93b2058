"""Guesses read from texts: what followed where a text went on like the context ends.

The passages stand in the prompt, so an answer in their words is found there token by token. This is prompt lookup
(Saxena 2023; Yang et al. 2023, arXiv:2304.04487) with all matching places instead of one n-gram's first, and with
tokens compared by class: an answer says "The" where the question said " the".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from decoding.draft import Origin
from decoding.drafting.candidates import (
    LONGEST_MATCH,
    OUTPUT,
    PARTS,
    RECENT,
    Candidate,
    Evidence,
    agreement,
    match_range,
)

MOST_PLACES = 96
"""Places that are looked at, the latest first: bounds the cost on text that repeats itself."""

RECENT_TOKENS = 40
"""So many tokens before the end of the prompt count as recent."""


class TokenClasses:
    """Tokens that say the same at the start of a sentence and within it have one class.

    ``classes[token]`` may be any number; without ``classes`` a token is like itself only.
    """

    def __init__(self, classes: Sequence[int] = ()) -> None:
        self._classes = classes

    def of(self, tokens: Sequence[int]) -> list[int]:
        """The class of each token."""
        classes = self._classes
        return [classes[token] for token in tokens] if classes else list(tokens)


class Place(NamedTuple):
    """The ``length`` tokens up to index ``end`` match by their classes."""

    end: int
    length: int


class TextIndex:
    """Tokens, and for each run of ``width`` classes the places where it ends and something follows."""

    def __init__(self, name: str, classes: TokenClasses, width: int = 1, tokens: Sequence[int] = ()) -> None:
        self.name = name
        self.classes = classes
        self.tokens: list[int] = []
        self.keys: list[int] = []
        self._width = width
        self._places: dict[tuple[int, ...], list[int]] = {}
        self.append(tokens)

    def append(self, tokens: Sequence[int]) -> None:
        """The text grew."""
        first = max(len(self.tokens), self._width)
        self.tokens += tokens
        self.keys += self.classes.of(tokens)
        for end in range(first, len(self.tokens)):
            self._places.setdefault(tuple(self.keys[end - self._width : end]), []).append(end - 1)

    def find(self, context: Sequence[int]) -> list[Place]:
        """Places that end like ``context``, the latest first; at most `MOST_PLACES` of those with equal last tokens."""
        wanted = self.classes.of(context)
        found = self._places.get(tuple(wanted[-self._width :]))
        if found is None:
            return []
        keys, longest = self.keys, len(wanted)
        places = []
        for end in found[: -MOST_PLACES - 1 : -1]:
            length = self._width
            while length < longest and length <= end and keys[end - length] == wanted[-1 - length]:
                length += 1
            places.append(Place(end, length))
        return places


class TextCursor:
    """The places in one text that go on like the context and the guesses behind it.

    ``context`` holds the last tokens before the next one, the last ``guesses`` of them guessed. Where ``goes_round``
    (the text is the context itself) a place reads on in the guesses: a text that repeats itself will do so once more.
    """

    def __init__(
        self, source: TextSource, context: tuple[int, ...], places: Sequence[Place], guesses: tuple[int, ...] = ()
    ) -> None:
        self._source = source
        self._context = context
        self._places = places
        self._guesses = guesses

    def candidates(self) -> list[Candidate]:
        """The tokens that follow the places, each with its longest match; the latest place is its origin."""
        source = self._source
        longest: dict[int, Place] = {}
        counts: dict[tuple[int, int], int] = {}
        totals: dict[int, int] = {}
        recent: set[tuple[int, int]] = set()
        for place in self._places:
            token = self._following(place)
            if token is None:
                continue
            known = longest.get(token)
            if known is None or place.length > known.length:
                longest[token] = place
            counts[token, place.length] = counts.get((token, place.length), 0) + 1
            totals[place.length] = totals.get(place.length, 0) + 1
            if source.part(place.end) == RECENT:
                recent.add((token, place.length))
        return [
            Candidate(
                token,
                Evidence(
                    source.name,
                    match_range(place.length),
                    agreement(counts[token, place.length], totals[place.length]),
                    self._part(place, (token, place.length) in recent),
                ),
                source.origin(place.end + 1),
            )
            for token, place in longest.items()
        ]

    def follow(self, token: int) -> TextCursor | None:
        """The places where ``token`` follows; if there are none, all that match it in whatever they can."""
        context = (*self._context[-LONGEST_MATCH + 1 :], token)
        places = [
            Place(place.end + 1, place.length + 1) for place in self._places if self._following(place) == token
        ] or self._source.index.find(context)
        return TextCursor(self._source, context, places, (*self._guesses, token)) if places else None

    def _part(self, latest: Place, recent: bool) -> int:
        part = self._source.part(latest.end)
        return RECENT if recent and part != OUTPUT else part

    def _following(self, place: Place) -> int | None:
        tokens = self._source.index.tokens
        index = place.end + 1
        if index < len(tokens):
            return tokens[index]
        beyond = index - len(tokens)
        return self._guesses[beyond] if self._source.goes_round and beyond < len(self._guesses) else None


class TextSource:
    """Guesses from one text: the request's own, which grows, or with ``index`` one that stands."""

    def __init__(self, name: str, classes: TokenClasses, index: TextIndex | None = None) -> None:
        self.name = name
        self.goes_round = index is None
        self.index = index if index is not None else TextIndex("prompt", classes)
        self._prompt: int | None = None
        self._context: tuple[int, ...] = ()

    def append(self, tokens: Sequence[int]) -> None:
        """The context grew."""
        self._context = (*self._context, *tokens[-LONGEST_MATCH:])[-LONGEST_MATCH:]
        if self.goes_round:
            self.index.append(tokens)
            if self._prompt is None:
                self._prompt = len(tokens)

    def cursor(self) -> TextCursor | None:
        """The places that end like the context."""
        places = self.index.find(self._context) if self._context else []
        return TextCursor(self, self._context, places) if places else None

    def part(self, end: int) -> int:
        """See `Evidence`, of a place that ends at index ``end``."""
        prompt = self._prompt
        if not self.goes_round or not prompt:
            return 0
        if end >= prompt - 1:
            return OUTPUT
        return RECENT if end >= prompt - RECENT_TOKENS else PARTS * end // prompt

    def origin(self, index: int) -> Origin:
        """Where the token at ``index`` comes from."""
        if self.goes_round and self._prompt is not None and index >= self._prompt:
            return Origin("output", index - self._prompt)
        return Origin(self.index.name, index)
