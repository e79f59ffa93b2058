"""One request as a draft model sees it: how much of its text is read, and the guesses behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from decoding.draft import Guess
from decoding.drafting.candidates import Candidate, Evidence
from decoding.generator import SamplingParams
from decoding.sampling import InvalidLogits, Probabilities, Sampler
from decoding.target import TargetSequence

if TYPE_CHECKING:
    from decoding.drafting.model import DraftModel

SOURCE = "model"

CONFIDENCES = (0.5, 0.75, 0.9, 0.98)
"""Upper ends of the ranges of the probability that the model gives to its guess."""

DEEPEST_CHAIN = 8


class ModelGuess(NamedTuple):
    """``drawn_from`` is the distribution from which the token was drawn, None where it is no draw of its own."""

    token: int
    evidence: Evidence
    drawn_from: Probabilities | None


class ModelStream:
    """One request's text as far as the small model has read it, and the ``chain`` of its guesses behind it.

    A `decoding.drafting.candidates.CandidateSource`. ``hope`` is how likely other sources know the next token,
    ``value`` what a token is worth in seconds, ``spent`` what each guess took, ``missed`` what the model might have
    saved so far. ``lost``: the model can't follow the text; ``reading``: it reads it at present.
    """

    name = SOURCE

    def __init__(self, model: DraftModel, sampling: SamplingParams) -> None:
        self.chain: list[ModelGuess] = []
        self.chance = 1.0
        """That the whole chain is right."""
        self.sequence: TargetSequence | None = None
        self.spent: list[float] = []
        self.hope = self.value = self.missed = 0.0
        self.lost = self.reading = False
        self._model = model
        self._sampling = sampling
        self._context: list[int] = []
        self._confirmed: Sampler | None = None
        """Knows the context."""
        self._guessing: Sampler | None = None
        """Knows the context and the chain."""

    def append(self, tokens: Sequence[int]) -> None:
        """The context grew; the chain is judged and gone."""
        if self.sequence is not None and self._context:
            # Behind the context the sequence holds the chain but its last guess. One token must be left to run.
            held = self.sequence.length - len(self._context)
            right = 0
            while right < min(held, len(tokens) - 1) and tokens[right] == self.chain[right].token:
                right += 1
            if held > right:
                self.sequence.truncate(len(self._context) + right)
        self._drop_chain()
        if self._confirmed is None:
            self._confirmed = Sampler(self._sampling, tokens)
        else:
            for token in tokens:
                self._confirmed.follow(token)
        self._context += tokens
        if (
            self.most_tokens > self._model.target.context_length
            or max(tokens, default=0) >= self._model.target.vocabulary
        ):
            self.lost = True
            self.release()

    @property
    def pending(self) -> list[int]:
        """Tokens that are to be run before the next guess."""
        held = self.sequence.length if self.sequence is not None else 0
        return [*self._context[held:], *(guess.token for guess in self.chain[max(0, held - len(self._context)) :])]

    @property
    def is_ready(self) -> bool:
        """Whether the next pass can tell a first guess."""
        behind = self.reading or len(self.pending) > DEEPEST_CHAIN + 1
        return self.sequence is not None and not self.chain and not behind

    @property
    def most_tokens(self) -> int:
        """Tokens whose keys and values it may hold before the context grows again."""
        return len(self._context) + DEEPEST_CHAIN

    @property
    def may_go_on(self) -> bool:
        """Whether the chain can grow."""
        return not self.lost and len(self.chain) < DEEPEST_CHAIN and self.chain[-1].token not in self._model.ends

    @property
    def is_drawn(self) -> bool:
        """Whether the chain was drawn, so that it must be accepted or replaced as a whole."""
        return self._model.rejection and self._sampling.temperature > 0.0 and bool(self.chain)

    def guess(self, logits: torch.Tensor) -> None:
        """Let the chain grow by what the small model's ``logits`` of shape (its vocabulary,) tell."""
        assert self._confirmed is not None
        row = _fitted(logits, self._model.vocabulary)
        if self._guessing is None:
            self._guessing = self._confirmed.fork()
        try:
            drawn_from = None
            if self._model.rejection and self._sampling.temperature > 0.0:
                token, drawn_from = self._guessing.guess(row)
                chance = self._model.wager.going_on  # it must not depend on what was drawn
            else:
                token = self._guessing.pick(row)
                chance = float(torch.exp(row[token] - torch.logsumexp(row, 0)))
        except InvalidLogits:
            self.lost = True
            self.release()
            return
        self._guessing.follow(token)
        self.chain.append(ModelGuess(token, Evidence(SOURCE, 0, int(np.searchsorted(CONFIDENCES, chance))), drawn_from))
        self.chance *= chance

    def settle(self, confirmed: Sequence[int], extra: float) -> None:
        """Tell the wager what became of the chain: ``extra`` of the ``confirmed`` tokens came by it."""
        if not self.value:
            return  # the model was not asked about this step
        wager = self._model.wager
        if self.chain:
            pairs = zip(self.chain, confirmed, strict=False)
            wager.learn(
                self.hope, extra - sum(self.spent[1:]) / self.value, [guess.token == token for guess, token in pairs]
            )
        wager.learn_step(len(confirmed) - extra, extra * self.value - sum(self.spent))

    def cursor(self) -> ModelCursor | None:
        """Before the first guess of the chain."""
        return ModelCursor(self.chain, 0) if self.chain else None

    def guesses(self) -> list[Guess]:
        """The chain as a draft."""
        return [
            Guess(guess.token, index - 1, SOURCE, 0, drawn_from=guess.drawn_from)
            for index, guess in enumerate(self.chain)
        ]

    def release(self) -> None:
        """Give back keys and values; the text can be read again."""
        if self.sequence is not None:
            self.sequence.close()
            self.sequence, self.reading = None, False
            self._model.forget(self)
        self._drop_chain()

    def close(self) -> None:
        """The request is over."""
        self.release()

    def _drop_chain(self) -> None:
        self.chain = []
        self.chance, self.value, self.spent = 1.0, 0.0, []
        self._guessing = None


class ModelCursor:
    """Before one guess of a chain."""

    def __init__(self, chain: Sequence[ModelGuess], index: int) -> None:
        self._chain = chain
        self._index = index

    def candidates(self) -> list[Candidate]:
        """The guess."""
        guess = self._chain[self._index]
        return [Candidate(guess.token, guess.evidence, None)]

    def follow(self, token: int) -> ModelCursor | None:
        """Before the next guess."""
        index = self._index + 1
        return (
            ModelCursor(self._chain, index)
            if token == self._chain[index - 1].token and index < len(self._chain)
            else None
        )


def _fitted(logits: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Without the places that fill up the small model's vocabulary, and with those that fill up the target's."""
    row = logits[:vocabulary]
    missing = vocabulary - len(row)
    return torch.nn.functional.pad(row, (0, missing), value=float("-inf")) if missing else row
