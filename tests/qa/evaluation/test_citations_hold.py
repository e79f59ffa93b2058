"""Every citation shown has its quote at its span in its revision: asserted over all sample questions.

Retrieval is the real one. Generation is scripted for all questions, with answers worse than a model's, and the
small model's own for a few.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from decoding.loading import load_decoder
from qa.answer import Answer, AnswerDone, PassagesFound, Question, RetrievedPassage
from qa.evaluation.answers import judge
from qa.evaluation.gold import golds_in
from qa.evaluation.run import ask_all
from qa.service import AnswerConfig, AnswerService
from tests.fakes.decoding import ByteTokenizer, ScriptedGenerator
from tests.qa.evaluation.corpus import MODELS, CorpusIndex, questions
from tests.qa.evaluation.scripted_answers import ScriptedAnswer, scripted_answer

pytestmark = pytest.mark.models

FEW = ("products-001", "products-019", "platform-008", "platform-038", "platform-045", "products-060")


class ScriptedProduct:
    """The answer service over the real index, its model saying what is made from the passages it is shown."""

    def __init__(self, index: CorpusIndex) -> None:
        self._passages: tuple[RetrievedPassage, ...] = ()
        self._asked = ""
        self._service = AnswerService(
            index.retriever,
            ScriptedGenerator(lambda _: self._script().text, chunk=40),
            ByteTokenizer(),
            AnswerConfig(prompt_tokens=20_000, max_output_tokens=8_000),
            "scripted",
            index.catalog.document,
        )

    def _script(self) -> ScriptedAnswer:
        return scripted_answer(self._passages, self._asked)

    def answer(self, question: Question) -> tuple[Answer, ScriptedAnswer]:
        self._asked = question.text
        for event in self._service.answer(question):
            if isinstance(event, PassagesFound):
                self._passages = event.passages
            if isinstance(event, AnswerDone):
                return event.answer, self._script()
        raise AssertionError("no answer")


def test_of_scripted_answers_to_all_questions(index: CorpusIndex) -> None:
    product = ScriptedProduct(index)
    document_of = cache(index.catalog.document)
    seen: Counter[str] = Counter()
    for question in questions():
        answer, script = product.answer(Question(question.question, "default", question.turns))
        if not answer.passages:
            continue
        judged = judge(question, [], answer, document_of)
        assert judged.broken == ()
        seen["citations"] += judged.citations
        for sentence in answer.sentences:
            if sentence.text in script.copied:
                seen["copied"] += 1
                seen[f"copied {sentence.status.value}"] += 1
            if sentence.text in script.altered:
                seen["altered"] += 1
                seen[f"altered {sentence.status.value}"] += 1
    assert seen["citations"] >= 2 * len(questions())
    assert seen["copied quoted"] >= 0.95 * seen["copied"] > 100
    assert seen["altered unsupported"] >= 0.95 * seen["altered"] > 100


def test_of_the_small_model(index: CorpusIndex) -> None:
    name = "smollm2-135m-instruct"
    decoder = load_decoder(name, MODELS.folder(name))
    config = AnswerConfig(max_output_tokens=64)
    service = AnswerService(index.retriever, decoder.generator, decoder.tokenizer, config, name, index.catalog.document)
    asked = [question for question in questions() if question.id in FEW]
    golds = golds_in(index.catalog, "default", asked)
    judged = [
        judge(one.question, golds[one.question.id], one.answer, index.catalog.document)
        for one in ask_all(asked, "default", service.answer)
    ]
    assert len(judged) == len(FEW)
    assert [problem for one in judged for problem in one.broken] == []
    assert sum(one.citations for one in judged) >= 1
