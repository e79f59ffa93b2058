"""The gold of the sample questions against the documents as the readers give them."""

from __future__ import annotations

import pytest

from qa.evaluation.gold import find_quote, locate
from qa.evaluation.questions import GoldQuestion
from tests.qa.evaluation.corpus import document, questions


@pytest.mark.parametrize("question", [q for q in questions() if q.answerable], ids=lambda question: question.id)
def test_each_gold_span_exists(question: GoldQuestion) -> None:
    for gold in question.gold:
        read = document(gold.document)
        found = locate(gold, read)
        assert find_quote(gold.quote, found.span.of(read.text)) is not None
        assert found.section.start <= found.span.start < found.section.end <= len(read.text)
