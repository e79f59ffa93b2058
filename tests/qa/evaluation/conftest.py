"""The sample corpus, indexed once for all tests that search it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.qa.evaluation.corpus import CorpusIndex, corpus_index, one_thread


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CorpusIndex]:
    with corpus_index(tmp_path_factory.mktemp("corpus")) as built:
        yield built


@pytest.fixture
def index(corpus: CorpusIndex) -> Iterator[CorpusIndex]:
    with one_thread():
        yield corpus
