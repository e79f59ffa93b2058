"""The seam to whatever can guess the next tokens cheaply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from decoding.generator import GenerationParams
    from decoding.sampling import Probabilities


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a guess was read: the token at index ``offset`` of a text.

    ``text`` is "prompt", "output" (what this request has said), "answers" (what earlier ones said) or the id of a
    draft text that came with the request.
    """

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Guess:
    """One guessed token after the guess at index ``parent``, or after the confirmed text when that is -1.

    ``match_length`` is how many tokens before it backed the guess, other guesses included; 0 where none had to.
    ``drawn_from`` is the distribution that a random guess was drawn from. Such a guess is accepted or replaced at
    random (`decoding.sampling.draw_or_replace`); it has no siblings, and whether it is run must not depend on it.
    """

    token: int
    parent: int
    source: str
    match_length: int
    origin: Origin | None = None
    drawn_from: Probabilities | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """Guessed next tokens: a tree, parents before their children. A guess, never a promise.

    ``seconds`` is what guessing took.
    """

    guesses: tuple[Guess, ...]
    seconds: float = field(default=0.0, compare=False)

    @classmethod
    def chain(cls, tokens: Sequence[int], source: str, match_length: int = 0) -> Draft:
        """Tokens that follow one another."""
        return cls(tuple(Guess(token, at - 1, source, match_length) for at, token in enumerate(tokens)))

    @property
    def tokens(self) -> list[int]:
        """The guessed tokens, in order."""
        return [guess.token for guess in self.guesses]

    def children(self, index: int) -> dict[int, int]:
        """Token -> index of the guesses after the one at ``index``, or after the confirmed text for -1."""
        return {guess.token: at for at, guess in enumerate(self.guesses) if guess.parent == index}


class Proposal(Protocol):
    """What a source would guess in one step, made guess by guess as it is asked for: a tree, parents before children.

    Siblings differ in their tokens.
    """

    @property
    def probability(self) -> float:
        """That the next guess is right, its path included; not above that of the one before. 0.0: there is none."""
        ...

    def take(self) -> Guess:
        """Make the next guess."""
        ...


class DraftSource(Protocol):
    """Law: never changes the output, only how fast it comes; costs little next to a step of the target.

    One instance serves one request: it is fed the prompt and then every confirmed token, and so learns what its
    guesses were worth.
    """

    def append(self, tokens: Sequence[int]) -> None:
        """The context grew by these confirmed tokens (the whole prompt, the first time)."""
        ...

    def propose(self, rows: int = 1) -> Proposal | None:
        """Guesses of what follows the context, or nothing. Whoever asks decides how many are run.

        ``rows`` of the sequence are run in the same pass anyway: one in a step, the rest of the prompt in its last
        pass.
        """
        ...

    def release(self) -> None:
        """The request waits for a place in memory: hold no keys and values until it goes on."""
        ...

    def close(self) -> None:
        """The request is over."""
        ...


class Drafter(Protocol):
    """Makes the draft sources of requests."""

    def __call__(self, params: GenerationParams) -> DraftSource:
        """The source of one request."""
        ...

    def prepare(self, sources: Sequence[DraftSource], limits: Sequence[int]) -> None:
        """A step for these requests comes next, with at most so many guesses each: do what is done for all at once."""
        ...
