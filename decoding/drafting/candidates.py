"""What a draft is grown from: the tokens that may come next, and what speaks for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from decoding.draft import Origin

MATCH_LENGTHS = (0, 1, 2, 3, 5, 9, 17)
"""Lower ends of the ranges within which match lengths count as equal."""

LONGEST_MATCH = 24
"""Tokens that are compared at most; a longer match says no more about what follows."""

PARTS = 5
"""Of a prompt, equally long."""
RECENT, OUTPUT = PARTS, PARTS + 1

AGREEMENTS = (0.08, 0.2, 0.45, 0.8)
"""Upper ends of the ranges of agreement: the share of the places with this match length where this token follows."""

_RANGE_OF_LENGTH = [max(low for low in MATCH_LENGTHS if low <= length) for length in range(LONGEST_MATCH + 1)]


class Evidence(NamedTuple):
    """What acceptance is learnt by. ``match_length`` is the lower end of its range, ``agreement`` 0 to 4.

    ``agreement`` of a draft model is the range of the probability that it gives to its guess.
    ``part``: the fifth of the prompt in which the latest place with the longest match lies, 0 to 4 (rules come first,
    then passages by rank); `RECENT` where one of the places is in the prompt's last tokens (in questions and answers,
    the question), `OUTPUT` where the latest is behind the prompt; 0 in other texts.
    """

    source: str
    match_length: int
    agreement: int = 4
    part: int = 0


class Candidate(NamedTuple):
    """A token that may follow."""

    token: int
    evidence: Evidence
    origin: Origin | None


class Cursor(Protocol):
    """A place in a tree of guesses, as one source sees it."""

    def candidates(self) -> list[Candidate]:
        """What may follow here, each token once."""
        ...

    def follow(self, token: int) -> Cursor | None:
        """The place behind ``token``; None when the source knows nothing there."""
        ...


class CandidateSource(Protocol):
    """Knows texts of one kind. It is fed the prompt and then every confirmed token."""

    @property
    def name(self) -> str:
        """Stable name for evidence and statistics."""
        ...

    def append(self, tokens: Sequence[int]) -> None:
        """The context grew by these confirmed tokens."""
        ...

    def cursor(self) -> Cursor | None:
        """The place behind the context; None when the source knows nothing there."""
        ...


def match_range(length: int) -> int:
    """The lower end of the range of a match length."""
    return _RANGE_OF_LENGTH[min(length, LONGEST_MATCH)]


def agreement(count: int, places: int) -> int:
    """The range of the share ``count`` / ``places``."""
    share = count / places
    if share >= AGREEMENTS[3]:
        return 4
    return 3 if share >= AGREEMENTS[2] else 2 if share >= AGREEMENTS[1] else 1 if share >= AGREEMENTS[0] else 0
