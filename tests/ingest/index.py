"""A whole index in a folder, and the question that matters: does it answer, from one version, and once?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ingest.catalog import Catalog
from ingest.chroma_vectors import ChromaVectors
from ingest.contextual import contextual_text
from ingest.document import StoredPassage
from ingest.embedder import Embedder
from ingest.embedding_store import EmbeddingStore
from ingest.lexical_query import words_of
from ingest.pipeline import Pipeline, PipelineConfig, Removal, Report
from ingest.reader import Reader
from ingest.scope import collection_of
from ingest.splitter import Splitter
from ingest.sqlite_catalog import SqliteCatalog
from ingest.vectors import VectorStore
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.embedder import HashEmbedder
from tests.fakes.files import ParagraphSplitter, PlainReader
from tests.fakes.vectors import MemoryVectors


@dataclass
class Index:
    """The parts of an index; fakes unless given."""

    catalog: Catalog = field(default_factory=MemoryCatalog)
    vectors: VectorStore = field(default_factory=MemoryVectors)
    embedder: HashEmbedder = field(default_factory=HashEmbedder)
    reader: PlainReader = field(default_factory=PlainReader)
    splitter: ParagraphSplitter = field(default_factory=ParagraphSplitter)

    store: EmbeddingStore = field(default_factory=EmbeddingStore)
    config: PipelineConfig = field(default_factory=PipelineConfig)

    def ingest(
        self, *paths: Path, collection: str = "default", removal: Removal = Removal.CAUTIOUS, root: str | None = None
    ) -> Report:
        return pipeline(self).ingest(paths, collection, removal=removal, root=root)


def pipeline(index: Index) -> Pipeline:
    reader: Reader = index.reader
    splitter: Splitter = index.splitter
    embedder: Embedder = index.embedder
    return Pipeline(reader, splitter, embedder, index.catalog, index.vectors, store=index.store, config=index.config)


@contextmanager
def stored_index(folder: Path) -> Iterator[Index]:
    """An index on the disk, with the real catalog and the real vector store."""
    embedder = HashEmbedder(2_048)
    catalog = SqliteCatalog(folder / "catalog.sqlite")
    vectors = ChromaVectors(folder / "chroma", embedder.name)
    store = EmbeddingStore(folder / "embeddings.sqlite")
    try:
        yield Index(catalog, vectors, embedder, store=store)
    finally:
        store.close()
        vectors.close()
        catalog.close()


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write text files, making folders; returns ``folder``."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def answers(index: Index, word: str, collection: str = "default") -> list[str]:
    """Texts of current passages that hold ``word``, as often as each is found: by the word and by its vector alike."""
    lexical = [hit.passage_id for hit in index.catalog.search(collection, word, 1_000)]
    vector = index.embedder.embed([word])[0]
    dense = [hit.passage_id for hit in index.vectors.query(collection, vector, 1_000)]
    stored = index.catalog.passages([*lexical, *dense])
    by_word = [stored[id] for id in lexical if id in stored]
    by_vector = [stored[id] for id in dense if id in stored and word in _words(stored[id])]
    assert Counter(p.id for p in by_word) == Counter(p.id for p in by_vector)
    return sorted(passage.passage.text for passage in by_word)


def _words(passage: StoredPassage) -> list[str]:
    return words_of(contextual_text(passage.revision.title, passage.passage))


def assert_clean(index: Index, collection: str = "default") -> None:
    """Nothing is left over and nothing is missing."""
    current = {revision.id: revision.passage_count for revision in index.catalog.current(collection)}
    stored: dict[str, int] = {}
    for name in index.vectors.collections():
        if collection_of(name) == collection:
            stored |= index.vectors.counts(name)
    assert stored == current
    assert index.catalog.unpublished(collection) == []
