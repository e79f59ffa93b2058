"""The one place where everything is put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Protocol, Self

from api.cores import Cores, TurnTakingEmbedder, TurnTakingReranker
from api.data_lock import DataLock
from api.settings import Settings
from ingest.catalog import Catalog
from qa.answer import AnswerEvent, Question

if TYPE_CHECKING:  # the slow libraries behind these are imported when a part is first used
    from api.embedding import OpenedEmbedder
    from api.state.memory import Memory
    from decoding.generator import Generator, Tokenizer
    from decoding.load import Load
    from decoding.loading import Decoder
    from decoding.store import ModelStore
    from ingest.chroma_vectors import ChromaVectors
    from ingest.embedder import Embedder
    from ingest.embedding_store import EmbeddingStore
    from ingest.formats import Readers
    from ingest.pipeline import Pipeline
    from ingest.sections import StructureSplitter
    from ingest.sqlite_catalog import SqliteCatalog
    from qa.question_match import QuestionMatcher
    from qa.reranker import Reranker
    from qa.retriever import Retriever
    from qa.service import AnswerService

QUIET_LIBRARIES = {
    # Models are fetched by `docqa models fetch` and checked against their hashes; nothing else may go to the network.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Environment of the libraries, read by them on import."""


class VectorsMissing(Exception):
    """A collection was never embedded with the embedder that questions are embedded with."""

    def __init__(self, collection: str, embedder: str) -> None:
        super().__init__(
            f"the documents of collection {collection} have no vectors of {embedder}; make them with: docqa rebuild "
            "(or set DOCQA_EMBEDDER to the model they were ingested with)"
        )


class Answers(Protocol):
    """Whatever can answer questions: `qa.service.AnswerService`, or a fake."""

    def answer(self, question: Question, cancel: Event | None = None) -> Iterator[AnswerEvent]:
        """`PassagesFound`, then deltas, then `AnswerDone`; ends early once ``cancel`` is set."""
        ...


class Components(Protocol):
    """What the service is made of."""

    @property
    def settings(self) -> Settings:
        """What it was put together from."""
        ...

    @property
    def catalog(self) -> Catalog:
        """Documents and their revisions."""
        ...

    @property
    def answers(self) -> Answers:
        """Answers questions; threads may ask at once."""
        ...

    @property
    def retriever(self) -> Retriever:
        """Finds passages; for many threads."""
        ...

    @property
    def embedder(self) -> Embedder:
        """Texts to vectors; for many threads."""
        ...

    @property
    def matcher(self) -> QuestionMatcher:
        """Tells which questions ask the same."""
        ...

    @property
    def memory(self) -> Memory:
        """Conversations, feedback, curated answers, keys and the audit log."""
        ...

    def ingesting(self) -> AbstractContextManager[Pipeline]:
        """The pipeline, for one job. Raises `DataLocked` where another process writes."""
        ...

    def decoder_load(self) -> Load | None:
        """How full the passes of the language model are; None until it is loaded."""
        ...

    def load(self, begin: Callable[[str], None]) -> None:
        """Load all that answering needs; ``begin`` hears the name of each part. Takes seconds to minutes."""
        ...


class LocalComponents:
    """The product over one data folder; each part is made when it is first used.

    A context manager: on leaving, whatever was opened is closed. Opening the vectors takes the lock of the data
    folder and so may raise `DataLocked`; the models raise `decoding.store.ModelMissing` when they are not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = DataLock(settings.lock_path)
        self._open = ExitStack()
        self._cores = Cores()
        os.environ.update(QUIET_LIBRARIES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def decoder_load(self) -> Load | None:
        """See `Components`."""
        decoder = self.__dict__.get("decoder")  # asking for it would load it
        return None if decoder is None else decoder.generator.load

    def load(self, begin: Callable[[str], None]) -> None:
        """See `Components.load`."""
        self.load_search(begin)
        begin("language model")
        _ = self.answers

    def load_search(self, begin: Callable[[str], None]) -> None:
        """Load what searching needs, as `load` does."""
        begin("index")
        _ = self.memory, self.catalog, self.vectors
        for collection in self.catalog.collections():
            self._complete(collection)
        begin("embedder")
        self.embedder.embed(["Ready?"])
        if self._reranker is not None:
            begin("reranker")
            self._reranker.relevance("Ready?", ["Ready."])

    def _complete(self, collection: str) -> None:
        """Make anew the vectors that a crash has cost. Raises `VectorsMissing` where there is none at all."""
        from ingest.vector_sync import partition_of

        current = self.catalog.current(collection)
        partitions = {partition_of(revision) for revision in current}
        wanted = any(revision.passage_count for revision in current)
        computed = self.embedding_store.knows(self.embedder.name)
        if wanted and not computed and not any(map(self.vectors.count, partitions)):
            raise VectorsMissing(collection, self.embedder.name)
        if self.settings.chroma_url is None:  # Else another process may be writing; an ingest mends.
            self.pipeline.mend(collection)

    def own_vectors(self) -> None:
        """Take the data folder if only one process can read the vectors. Raises `DataLocked`."""
        if self.settings.chroma_url is None:
            self.own_data()

    def own_data(self) -> None:
        """Take the data folder for this process. Raises `DataLocked`; twice is no error."""
        self._lock.acquire()
        self._open.callback(self._lock.release)

    def require_models(self) -> None:
        """Raises `decoding.store.ModelMissing` unless all models are installed; loads nothing."""
        for name in (self.settings.embedder, self.settings.model, self.settings.draft_model):
            if name:
                self.store.folder(name)

    @cached_property
    def store(self) -> ModelStore:
        """The models on this machine."""
        from decoding.store import ModelStore

        settings = self.settings
        return ModelStore(settings.models_dir, local=settings.local_models, sources=settings.model_sources)

    @cached_property
    def catalog(self) -> SqliteCatalog:
        """Documents, revisions, passages and lexical search; needs no lock to be read."""
        from ingest.sqlite_catalog import SqliteCatalog

        catalog = SqliteCatalog(self.settings.catalog_path)
        self._open.callback(catalog.close)
        return catalog

    @cached_property
    def memory(self) -> Memory:
        """Conversations, feedback, curated answers, keys and the audit log; needs no lock."""
        from api.state.database import Database, database_url
        from api.state.memory import Memory

        database = Database(database_url(self.settings.database_url, self.settings.state_path))
        self._open.callback(database.close)
        return Memory(database)

    @cached_property
    def vectors(self) -> ChromaVectors:
        """The vector store, owned by this process."""
        from ingest.chroma_vectors import ChromaVectors

        self.own_vectors()
        where = self.settings.chroma_url or self.settings.vectors_dir
        vectors = ChromaVectors(where, self.embedder.name)
        self._open.callback(vectors.close)
        return vectors

    @cached_property
    def embedder(self) -> TurnTakingEmbedder:
        """Texts to vectors."""
        return TurnTakingEmbedder(self._opened_embedder.embedder, self._cores)

    @property
    def embedder_engine(self) -> str:
        """What runs the embedder, and why."""
        return self._opened_embedder.engine

    @cached_property
    def _opened_embedder(self) -> OpenedEmbedder:
        from api.embedding import open_embedder

        return open_embedder(self.store.folder(self.settings.embedder), self._threads)

    @cached_property
    def embedding_store(self) -> EmbeddingStore:
        """Vectors that were computed before."""
        from ingest.embedding_store import EmbeddingStore

        store = EmbeddingStore(self.settings.embeddings_path)
        self._open.callback(store.close)
        return store

    @cached_property
    def readers(self) -> Readers:
        """Files to documents."""
        from ingest.formats import Readers
        from ingest.source_file import Limits

        return Readers(Limits(file_bytes=self.settings.max_file_bytes))

    @cached_property
    def splitter(self) -> StructureSplitter:
        """Documents to passages that fit the embedder."""
        from ingest.sections import StructureSplitter

        return StructureSplitter(self.embedder.count_tokens, window=self.embedder.max_tokens)

    @cached_property
    def pipeline(self) -> Pipeline:
        """Files into the index."""
        self.own_data()
        from ingest.labelling import LabelRules
        from ingest.pipeline import Pipeline, PipelineConfig
        from ingest.workers import WorkerLimits

        settings = self.settings
        workers = WorkerLimits(
            processes=settings.parse_workers or min(max((os.cpu_count() or 1) - 1, 1), 4),
            seconds=settings.parse_seconds,
            memory_bytes=settings.parse_memory_mb * 1024 * 1024,
        )
        config = PipelineConfig(
            settings.history_days * 86_400.0,
            LabelRules(settings.label_rules),
            settings.archive_limits,
            settings.unpacked_dir,
        )
        return Pipeline(
            self.readers,
            self.splitter,
            self.embedder,
            self.catalog,
            self.vectors,
            workers,
            self.embedding_store,
            config,
        )

    @contextmanager
    def ingesting(self) -> Iterator[Pipeline]:
        """See `Components`. Where vectors are served, the data folder is given back afterwards."""
        self._lock.acquire()
        try:
            yield self.pipeline
        finally:
            if self.settings.chroma_url is not None:
                self._lock.release()

    @cached_property
    def retriever(self) -> Retriever:
        """Questions to passages."""
        from ingest.embedding_store import RememberingEmbedder
        from qa.reranker import RerankingRetriever
        from qa.retriever import HybridRetriever

        remembered = RememberingEmbedder(self.embedder, self.embedding_store)
        search = HybridRetriever(self.embedder, self.vectors, self.catalog, remembered=remembered)
        return search if self._reranker is None else RerankingRetriever(search, self._reranker)

    @cached_property
    def _reranker(self) -> Reranker | None:
        if self.settings.reranker is None:
            return None
        from qa.cross_encoder import CrossEncoderReranker

        return TurnTakingReranker(CrossEncoderReranker(self.settings.reranker), self._cores)

    @cached_property
    def matcher(self) -> QuestionMatcher:
        """Questions to those that ask the same."""
        from qa.question_match import QuestionMatcher

        return QuestionMatcher(self.embedder)

    @cached_property
    def decoder(self) -> Decoder:
        """The language model."""
        import torch

        from decoding.loading import DraftModelChoice, load_decoder

        torch.set_num_threads(self._threads)
        settings = self.settings
        choice = None
        if settings.draft_model:
            folder = self.store.folder(settings.draft_model)
            choice = DraftModelChoice(settings.draft_model, folder, settings.draft_sampling == "rejection")
        return load_decoder(
            settings.model,
            self.store.folder(settings.model),
            context_length=settings.context_tokens,
            max_rows=settings.draft_tokens + 1,
            prefix_cache_bytes=settings.prefix_cache_mb * 1024 * 1024,
            memory_bytes=settings.kv_cache_mb * 1024 * 1024,
            turn=self._cores,
            draft_model=choice,
        )

    @cached_property
    def answers(self) -> AnswerService:
        """Questions to cited answers."""
        return self.answers_by(self.decoder.generator, self.decoder.tokenizer)

    def answers_by(self, generator: Generator, tokenizer: Tokenizer) -> AnswerService:
        """Questions to answers that ``generator`` writes."""
        from qa.manners import manner_of
        from qa.quotes import Quoter
        from qa.service import AnswerConfig, AnswerService

        settings = self.settings
        manner = manner_of(settings.model)
        config = AnswerConfig(
            passages=settings.passages,
            prompt_tokens=settings.prompt_tokens,
            max_output_tokens=settings.max_output_tokens,
            quote_unsaid=settings.quote_documents,
            system_prompt=manner.rules,
            review=manner.review,
            caution=settings.caution,
        )
        return AnswerService(
            self.retriever,
            generator,
            tokenizer,
            config,
            settings.model,
            self.catalog.document,
            Quoter(self.embedder),
        )

    @property
    def _threads(self) -> int:
        return self.settings.threads or os.cpu_count() or 1
