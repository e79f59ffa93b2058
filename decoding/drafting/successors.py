"""Guesses for places where no text matches: what followed each token lately.

Token recycling (Luo et al. 2024, arXiv:2408.08696) keeps the model's likeliest tokens after each token. Those that it
chose serve as well on answers (see DECISIONS.md) and cost no search through rows of logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from decoding.drafting.candidates import Candidate, Evidence

MOST_SUCCESSORS = 8
MOST_TOKENS = 50_000
"""Tokens whose successors are kept; beyond them those that came first are forgotten."""

_AGREEMENT_OF_RANK = (4, 3, 2, 1, 1, 0, 0, 0)


class SuccessorTable:
    """Each token's successors, the latest first. Lives as long as the scope whose outputs it has seen.

    It may be used by several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._successors: dict[int, tuple[int, ...]] = {}

    def learn(self, token: int, successor: int) -> None:
        """``successor`` was said after ``token``."""
        with self._lock:
            known = self._successors.get(token, ())
            if not known and len(self._successors) >= MOST_TOKENS:
                self._successors.pop(next(iter(self._successors)))
            others = [other for other in known if other != successor]
            self._successors[token] = (successor, *others[: MOST_SUCCESSORS - 1])

    def after(self, token: int) -> tuple[int, ...]:
        """Successors of ``token``, the latest first."""
        return self._successors.get(token, ())


class SuccessorCursor:
    """Behind one token."""

    def __init__(self, table: SuccessorTable, successors: tuple[int, ...]) -> None:
        self._table = table
        self._successors = successors

    def candidates(self) -> list[Candidate]:
        """The successors; the later one was seen, the more speaks for it."""
        return [
            Candidate(token, Evidence(SuccessorSource.name, 1, _AGREEMENT_OF_RANK[rank]), None)
            for rank, token in enumerate(self._successors)
        ]

    def follow(self, token: int) -> SuccessorCursor | None:
        """Behind ``token``."""
        successors = self._table.after(token)
        return SuccessorCursor(self._table, successors) if successors else None


class SuccessorSource:
    """Guesses from a table, which learns from the request's output (its prompt is read as a text anyway)."""

    name = "successor"

    def __init__(self, table: SuccessorTable) -> None:
        self._table = table
        self._last: int | None = None

    def append(self, tokens: Sequence[int]) -> None:
        """The context grew."""
        if self._last is not None:
            for token in tokens:
                self._table.learn(self._last, token)
                self._last = token
        elif tokens:
            self._last = tokens[-1]

    def cursor(self) -> SuccessorCursor | None:
        """Behind the context's last token."""
        successors = self._table.after(self._last) if self._last is not None else ()
        return SuccessorCursor(self._table, successors) if successors else None
