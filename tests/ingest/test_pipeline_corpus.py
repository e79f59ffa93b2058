"""The sample corpus through the real readers, splitter, catalog and vector store; only the model is a fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.chroma_vectors import ChromaVectors
from ingest.formats import Readers
from ingest.pipeline import Pipeline, Report
from ingest.sections import StructureSplitter
from ingest.sqlite_catalog import SqliteCatalog
from tests.fakes.embedder import HashEmbedder

DOCUMENTS = Path("docs_corpus/documents")


@pytest.fixture(scope="module")
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(tmp_path_factory.mktemp("corpus") / "catalog.sqlite")
    yield catalog
    catalog.close()


@pytest.fixture(scope="module")
def pipeline(
    catalog: SqliteCatalog, embedder: HashEmbedder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    vectors = ChromaVectors(tmp_path_factory.mktemp("corpus") / "chroma", embedder.name)
    splitter = StructureSplitter(embedder.count_tokens)
    yield Pipeline(Readers(), splitter, embedder, catalog, vectors)
    vectors.close()


@pytest.fixture(scope="module")
def first(pipeline: Pipeline) -> Report:
    return pipeline.ingest([DOCUMENTS], "default")


def test_every_document_is_added(first: Report, catalog: SqliteCatalog) -> None:
    files = sorted(p.relative_to(DOCUMENTS).as_posix() for p in DOCUMENTS.rglob("*") if p.is_file())
    assert list(first.added) == files
    assert (first.failed, first.skipped) == ((), ())
    assert [revision.source for revision in catalog.current("default")] == files
    assert first.passages == sum(revision.passage_count for revision in catalog.current())


@pytest.mark.usefixtures("first")
def test_what_is_stored_obeys_the_law_of_spans(catalog: SqliteCatalog) -> None:
    for revision in catalog.current():
        document = catalog.document(revision.id)
        stored = catalog.passages_of(revision.id)
        assert len(stored) == revision.passage_count > 0
        for passage in stored:
            assert passage.passage.span.of(document.text) == passage.passage.text


@pytest.mark.usefixtures("first")
def test_a_second_run_does_nothing_and_quickly(pipeline: Pipeline, embedder: HashEmbedder) -> None:
    embedded = embedder.embedded
    report = pipeline.ingest([DOCUMENTS], "default")
    assert (report.added, report.updated, report.failed, report.restored) == ((), (), (), ())
    assert embedder.embedded == embedded
    assert report.seconds < 3


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("customer gets HB-423 when they post a reading", "platform/harbour-api-reference.md"),
        ("what does usp_estimate_missing do", "platform/tally-stored-procedures.md"),
        ("User sees SSO-07 when signing in", "platform/harbour-single-sign-on.txt"),
    ],
)
def test_codes_are_found_in_their_documents(catalog: SqliteCatalog, question: str, source: str) -> None:
    best = catalog.search("default", question, 3)
    stored = catalog.passages([hit.passage_id for hit in best])
    assert source in {passage.revision.source for passage in stored.values()}
