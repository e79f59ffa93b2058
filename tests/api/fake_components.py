"""Components of the service without models and files."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from api.components import Answers
from api.settings import Settings
from api.state.database import Database, database_url
from api.state.memory import Memory
from decoding.load import Load
from ingest.contextual import contextual_text
from ingest.pipeline import Pipeline
from ingest.vector_sync import partition_of
from qa.question_match import QuestionMatcher
from qa.retriever import HybridRetriever
from tests.api.fake_answers import FakeAnswers
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.embedder import HashEmbedder
from tests.fakes.files import PlainReader
from tests.fakes.vectors import MemoryVectors
from tests.ingest.index import Index, pipeline


def fresh_memory(owner: object) -> Memory:
    """An empty one that lasts as long as its owner."""
    folder = Path(tempfile.mkdtemp(prefix="docqa-test-"))
    database = Database(database_url(None, folder / "app.sqlite"))
    weakref.finalize(owner, shutil.rmtree, folder)
    weakref.finalize(owner, database.close)
    return Memory(database)


def vectors_of(catalog: MemoryCatalog, embedder: HashEmbedder) -> MemoryVectors:
    """Vectors of all that the catalog holds now."""
    vectors = MemoryVectors()
    for revision in catalog.current():
        passages = catalog.passages_of(revision.id)
        texts = [contextual_text(revision.title, found.passage) for found in passages]
        vectors.upsert(partition_of(revision), [(revision.id, [found.id for found in passages], embedder.embed(texts))])
    return vectors


class FakeComponents:
    """Loads at once, unless ``hold`` is given: then when that event is set. ``error`` makes loading fail.

    ``reader`` reads what is ingested.
    """

    def __init__(
        self,
        catalog: MemoryCatalog,
        answers: Answers | None = None,
        settings: Settings | None = None,
        hold: Event | None = None,
        error: Exception | None = None,
        reader: PlainReader | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.catalog = catalog
        self.answers: Answers = answers or FakeAnswers(catalog)
        self.memory = fresh_memory(self)
        self.embedder = HashEmbedder()
        self.matcher = QuestionMatcher(self.embedder)
        vectors = vectors_of(catalog, self.embedder)
        self.retriever = HybridRetriever(self.embedder, vectors, catalog)
        self._pipeline = pipeline(Index(catalog, vectors, self.embedder, reader or PlainReader()))
        self.decoder: Load | None = None
        self._hold = hold
        self._error = error

    @contextmanager
    def ingesting(self) -> Iterator[Pipeline]:
        yield self._pipeline

    def decoder_load(self) -> Load | None:
        return self.decoder

    def load(self, begin: Callable[[str], None]) -> None:
        begin("language model")
        if self._hold is not None:
            self._hold.wait()
        if self._error is not None:
            raise self._error
