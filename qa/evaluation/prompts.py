"""The prompts that the product builds for questions, without anything being generated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from decoding.bench.prompts import BenchPrompt
from decoding.generator import (
    FinishReason,
    GenerationDone,
    GenerationParams,
    GenerationStats,
    Generator,
    TokenChunk,
)
from qa.answer import AnswerEvent, Question
from qa.evaluation.questions import GoldQuestion

NOTHING = GenerationStats(0, 0, 0, 0, 0, 0.0, 0.0)


class RecordingGenerator:
    """Says nothing and remembers what it was asked to continue."""

    def __init__(self, context_length: int) -> None:
        self.context_length = context_length
        self.asked: list[tuple[tuple[int, ...], GenerationParams]] = []

    def generate(self, prompt: Sequence[int], params: GenerationParams) -> Iterator[TokenChunk | GenerationDone]:
        """See `decoding.generator.Generator`."""
        self.asked.append((tuple(prompt), params))
        yield GenerationDone((), "", FinishReason.STOP, NOTHING)


def prompts_of(
    questions: Sequence[GoldQuestion],
    collection: str,
    answers_by: Callable[[Generator], Callable[[Question], Iterator[AnswerEvent]]],
    context_length: int,
    max_tokens: int,
) -> Iterator[BenchPrompt]:
    """Of each question that the product puts to the model (some it does not), at most ``max_tokens`` for its answer."""
    recorder = RecordingGenerator(context_length)
    ask = answers_by(recorder)
    for question in questions:
        recorder.asked.clear()
        for _ in ask(Question(question.question, collection, question.turns)):
            pass
        for tokens, params in recorder.asked:
            yield BenchPrompt(question.id, tokens, min(max_tokens, params.max_tokens), params.draft_texts)
