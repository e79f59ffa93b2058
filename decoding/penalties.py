"""What the text so far does to the logits of the next token: penalties for what was said, and a fixed bias.

The cost of a row is one copy of it and work for the distinct tokens of the text, never for the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
import numpy.typing as npt

from decoding.generator import SamplingParams

Row = npt.NDArray[np.float32]


class Penalties:
    """The penalties of one request. It is told every confirmed token and knows nothing of guesses.

    The repetition penalty (Keskar et al. 2019, arXiv:1909.05858) concerns every token of prompt and output, and does
    what the transformers library's processor does: a positive logit is divided by it, any other multiplied. Then the
    frequency penalty times the token's count in the output, and the presence penalty if it stands there at all, are
    subtracted as OpenAI's API defines them. The bias comes last, so that no penalty weakens what it forbids.
    """

    def __init__(self, params: SamplingParams, prompt: Sequence[int]) -> None:
        self._repetition = np.float32(params.repetition_penalty)
        self._frequency = np.float32(params.frequency_penalty)
        self._presence = np.float32(params.presence_penalty)
        self._counting = bool(params.presence_penalty or params.frequency_penalty or params.repetition_penalty != 1.0)
        self._places: dict[int, int] = {}
        """Token id -> where it stands in the two arrays."""
        self._tokens = np.zeros(64, np.int64)
        self._counts = np.zeros(64, np.float32)
        if params.repetition_penalty != 1.0:
            for token in prompt:
                self._place(token)
        self._biased = np.array([token for token, _ in params.logit_bias], np.int64)
        self._bias = np.array([bias for _, bias in params.logit_bias], np.float32)

    def append(self, token: int) -> None:
        """The output grew by ``token``."""
        if self._counting:
            place = self._place(token)  # which may put a longer array in the place of `_counts`
            self._counts[place] += 1

    def fork(self) -> Penalties:
        """One that knows the same text and goes on by itself."""
        if not self._counting:
            return self
        forked = copy(self)
        forked._places = dict(self._places)
        forked._tokens, forked._counts = self._tokens.copy(), self._counts.copy()
        return forked

    def apply(self, row: Row) -> Row:
        """Logits of shape (vocabulary,) with everything applied; ``row`` itself where nothing is to be done."""
        if not self._places and not len(self._biased):
            return row
        tokens, counts = self._tokens[: len(self._places)], self._counts[: len(self._places)]
        said = row[tokens]
        said = np.where(said > 0, said / self._repetition, said * self._repetition)
        said -= self._frequency * counts
        said -= self._presence * (counts > 0)
        changed = row.copy()
        changed[tokens] = said
        changed[self._biased] += self._bias
        return changed

    def _place(self, token: int) -> int:
        place = self._places.setdefault(token, len(self._places))
        if place == len(self._tokens):
            self._tokens = np.concatenate([self._tokens, np.zeros_like(self._tokens)])
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._tokens[place] = token
        return place
