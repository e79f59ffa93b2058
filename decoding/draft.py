"""The seam to whatever can guess the next tokens cheaply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Draft:
    """Guessed next tokens: a chain. ``match_length`` is how many tokens of context backed the guess."""

    tokens: tuple[int, ...]
    source: str
    match_length: int


class DraftSource(Protocol):
    """Law: never changes the output, only how fast it comes; costs microseconds.

    One instance serves one request: it is fed the prompt and then every confirmed token.
    """

    @property
    def name(self) -> str:
        """Stable name for statistics."""
        ...

    def append(self, tokens: list[int]) -> None:
        """The context grew by these confirmed tokens (the whole prompt, the first time)."""
        ...

    def propose(self, limit: int) -> Draft | None:
        """At most ``limit`` tokens that may follow the context, or nothing."""
        ...
