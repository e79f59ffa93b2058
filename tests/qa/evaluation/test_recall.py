"""What retrieval must find on the sample questions."""

from __future__ import annotations

import pytest

from qa.evaluation.gold import golds_in
from qa.evaluation.retrieval import rank_questions, report
from qa.evaluation.run import finder
from qa.service import AnswerConfig
from tests.qa.evaluation.corpus import CorpusIndex, questions

pytestmark = pytest.mark.models


def test_recall_by_section(index: CorpusIndex) -> None:
    golds = golds_in(index.catalog, "default", questions())
    find = finder(index.retriever, "default", AnswerConfig().history_turns)
    found = report(list(rank_questions(questions(), golds, find)))
    assert found.overall.section.recall[5] >= 0.85
    assert found.overall.section.ndcg >= 0.75
