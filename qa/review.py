"""The model asked back whether it stands by its answer, for models that never say that they found none.

Small models told to refuse do so where they should answer; left to answer always and asked afterwards, they know
better (P(True): Kadavath et al. 2022, arXiv:2207.05221). The prompt and the answer are known to the prefix cache by
then, so that the question behind them costs a pass of some twenty tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from decoding.generator import GenerationDone, GenerationParams, Generator, Tokenizer

ASKED_BACK = "Do the passages state this answer? Reply Yes or No."
_YES, _NO = ("Yes", "yes"), ("No", "no")


@dataclass(frozen=True, slots=True)
class Review:
    """What makes an answer of one model doubtful: a logistic regression over answerable and other questions.

    ``stands`` weighs the logarithm of the odds of "yes" to "no" when it is asked back, ``words`` the logarithm of one
    more than the best passage's lexical score (`ingest.catalog.LexicalHit`). Below zero an answer is doubtful.
    """

    stands: float
    words: float
    bias: float

    def is_doubtful(self, log_odds: float, lexical: float) -> bool:
        """Whether the signals of an answer speak against it."""
        return self.bias + self.stands * log_odds + self.words * math.log1p(lexical) < 0.0


def log_odds_of_yes(
    messages: Sequence[tuple[str, str]],
    answer: str,
    generator: Generator,
    tokenizer: Tokenizer,
    params: GenerationParams,
) -> float | None:
    """Natural logarithm of the odds that the model says yes when it is asked whether its ``answer`` is stated.

    ``messages`` are those that it answered with ``params``. None when it was cancelled, or when the question has no
    room in the context.
    """
    tokens = tokenizer.chat_prompt([*messages, ("assistant", answer), ("user", ASKED_BACK)])
    if len(tokens) >= generator.context_length:
        return None
    yes, no = _first_tokens(_YES, tokenizer), _first_tokens(_NO, tokenizer)
    params = replace(params, max_tokens=1, stop=(), draft_texts=(), options=(*yes, *no))
    *_, done = generator.generate(tokens, params)
    assert isinstance(done, GenerationDone)
    said = done.option_logprobs
    return _log_of_sum(said[: len(yes)]) - _log_of_sum(said[len(yes) :]) if said else None


def _first_tokens(words: Sequence[str], tokenizer: Tokenizer) -> tuple[int, ...]:
    return tuple(dict.fromkeys(tokenizer.encode(word)[0] for word in words))


def _log_of_sum(logprobs: Sequence[float]) -> float:
    """The logarithm of the sum of probabilities; one that is zero counts as next to nothing."""
    return math.log(sum(map(math.exp, logprobs)) or math.ulp(0.0))
