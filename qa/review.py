"""Whether an answer is doubtful, for models that never say that they found none.

Small models told to refuse do so where they should answer; left to answer always and asked afterwards, they know
better (P(True): Kadavath et al. 2022, arXiv:2207.05221). The prompt and the answer are known to the prefix cache by
then, so that the question behind them costs a pass of some twenty tokens. And some of a model's heads look for what
answers a question: where they see nothing of the kind in any passage, no passage answers it (`decoding.attention`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from decoding.attention import AttentionQuery, Head
from decoding.generator import GenerationDone, GenerationParams, Generator, Tokenizer
from qa.prompt import Prompt

ASKED_BACK = "Do the passages state this answer? Reply Yes or No."
_YES, _NO = ("Yes", "yes"), ("No", "no")


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for an answer.

    ``log_odds`` of "yes" to "no" when the model is asked back (natural logarithm), ``lexical``, the best passage's
    lexical score (`ingest.catalog.LexicalHit`), and ``attention``, the share (0 to 1) of the question's attention that
    goes to the passage it attends to most; None where that is not known.
    """

    log_odds: float
    lexical: float
    attention: float | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression: the logit of an answer to an answerable question, not to another."""

    stands: float
    words: float
    bias: float
    attention: float = 0.0

    def score(self, signals: Signals) -> float:
        """The logit; what is not known of attention counts nothing."""
        words = self.words * math.log1p(signals.lexical)
        return self.bias + self.stands * signals.log_odds + words + self.attention * (signals.attention or 0.0)


@dataclass(frozen=True, slots=True)
class Review:
    """What makes an answer of one model doubtful.

    ``heads`` of the model look for what answers a question. ``unseen`` are the weights for when their attention is not
    known, because the tokenizer cuts a passage or the question in another way inside the prompt.
    """

    weights: Weights
    unseen: Weights
    heads: tuple[Head, ...]

    def query(self, prompt: Prompt) -> AttentionQuery | None:
        """What to ask of the attention of ``prompt``; nothing where its parts were not found."""
        question = prompt.question_span
        spans = [span for span in prompt.passage_spans if span is not None]
        if question is None or not spans:
            return None
        return AttentionQuery(question.start, question.end, tuple((span.start, span.end) for span in spans), self.heads)

    def is_doubtful(self, signals: Signals, caution: float = 0.0) -> bool:
        """Whether less than ``caution``, a logit, speaks for an answer."""
        weights = self.unseen if signals.attention is None else self.weights
        return weights.score(signals) < caution


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
    params = replace(params, max_tokens=1, stop=(), draft_texts=(), options=(*yes, *no), attention=None)
    *_, done = generator.generate(tokens, params)
    assert isinstance(done, GenerationDone)
    said = done.option_logprobs
    return _log_of_sum(said[: len(yes)]) - _log_of_sum(said[len(yes) :]) if said else None


def _first_tokens(words: Sequence[str], tokenizer: Tokenizer) -> tuple[int, ...]:
    return tuple(dict.fromkeys(tokenizer.encode(word)[0] for word in words))


def _log_of_sum(logprobs: Sequence[float]) -> float:
    """The logarithm of the sum of probabilities; one that is zero counts as next to nothing."""
    return math.log(sum(map(math.exp, logprobs)) or math.ulp(0.0))
