"""The sample corpus as the product reads and indexes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from decoding.store import ModelStore
from ingest.catalog import Catalog
from ingest.document import Document
from ingest.formats import Readers
from qa.evaluation.questions import GoldQuestion, read_questions
from qa.retriever import HybridRetriever, Retriever

REPOSITORY = Path(__file__).parents[3]
CORPUS = REPOSITORY / "docs_corpus"
DOCUMENTS = CORPUS / "documents"
MODELS = ModelStore(REPOSITORY / "data" / "models")


@cache
def questions() -> tuple[GoldQuestion, ...]:
    return read_questions(CORPUS / "questions.jsonl")


@cache
def document(source: str) -> Document:
    """A document of the corpus; read once, since PDFs take a second each."""
    return Readers().read(DOCUMENTS / source, source)


class ReadOnce(Readers):
    """The standard readers over the corpus, sharing what `document` has read."""

    def read(self, path: Path, source: str) -> Document:
        return document(source)


@dataclass(frozen=True, slots=True)
class CorpusIndex:
    """The corpus in the collection "default", ready to be searched."""

    catalog: Catalog
    retriever: Retriever


@contextmanager
def corpus_index(folder: Path) -> Iterator[CorpusIndex]:
    """Ingest the corpus into ``folder`` with the embedder of data/models."""
    from ingest.chroma_vectors import ChromaVectors
    from ingest.pipeline import Pipeline
    from ingest.sections import StructureSplitter
    from ingest.sentence_embedder import SentenceEmbedder
    from ingest.sqlite_catalog import SqliteCatalog

    embedder = SentenceEmbedder(MODELS.folder("all-minilm-l6-v2"))
    with (
        closing(SqliteCatalog(folder / "catalog.sqlite")) as catalog,
        closing(ChromaVectors(folder / "chroma", embedder.name)) as vectors,
    ):
        splitter = StructureSplitter(embedder.count_tokens)
        with one_thread():
            report = Pipeline(ReadOnce(), splitter, embedder, catalog, vectors).ingest([DOCUMENTS], "default")
        assert not report.failed
        yield CorpusIndex(catalog, HybridRetriever(embedder, vectors, catalog))


@contextmanager
def one_thread() -> Iterator[None]:
    """Small models on threads that wait for one another are many times slower on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
