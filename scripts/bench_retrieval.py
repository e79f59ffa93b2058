"""How retrieval grows with the number of passages: ``python scripts/bench_retrieval.py FOLDER 10000 100000``.

Builds an index of made-up documents in FOLDER (kept, and used again by the next run) and asks it made-up questions.
Words follow Zipf's law as in manuals, vectors lie in clusters as those of real passages do. All but the embedding model
is the product's own: catalog, full-text index, vectors, fusion.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ingest.chroma_vectors import ChromaVectors
from ingest.document import Document, PageMap, Passage, Section, Span
from ingest.embedder import Vectors
from ingest.sqlite_catalog import SqliteCatalog
from qa.retriever import HybridRetriever

DIMENSIONS = 384
CLUSTERS = 2_000
SPREAD = 0.9  # of a passage around its cluster's middle
VOCABULARY = 40_000
STOP_WORDS = 60  # the most frequent words, which no question searches for
PASSAGES_A_DOCUMENT = 50
WORDS_A_PASSAGE = 110
WORDS_A_QUESTION = 9
CANDIDATES = 20


class ClusteredEmbedder:
    """Unit vectors by the text's hash: one of the clusters, and a place in it."""

    name = "clustered"
    dimensions = DIMENSIONS
    max_tokens = 256

    def __init__(self) -> None:
        self._middles = np.random.default_rng(7).standard_normal((CLUSTERS, DIMENSIONS), dtype=np.float32)

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `ingest.embedder.Embedder.embed`."""
        rows = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            chance = np.random.default_rng(
                int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
            )
            noise = chance.standard_normal(DIMENSIONS, dtype=np.float32)
            row[:] = self._middles[chance.integers(CLUSTERS)] + SPREAD * noise
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows


class Words:
    """Words by Zipf's law."""

    def __init__(self) -> None:
        # Letters alone: what holds digits too would be searched for as a code, in several spellings.
        self._names = np.array(
            ["".join(chr(97 + n // 26**place % 26) for place in range(4)) for n in range(VOCABULARY)]
        )
        weights = 1.0 / (np.arange(VOCABULARY) + 2.7) ** 1.05
        self._all = weights / weights.sum()
        rare = np.where(np.arange(VOCABULARY) < STOP_WORDS, 0.0, weights)
        self._asked = rare / rare.sum()

    def text(self, chance: np.random.Generator, count: int) -> str:
        """Running text."""
        return " ".join(self._names[chance.choice(VOCABULARY, count, p=self._all)])

    def question(self, chance: np.random.Generator) -> str:
        """Words that are searched for."""
        return " ".join(self._names[chance.choice(VOCABULARY, WORDS_A_QUESTION, p=self._asked)])


def document(number: int, words: Words) -> tuple[Document, list[Passage]]:
    """A document of one section with its passages."""
    chance = np.random.default_rng(number)
    paragraphs = [words.text(chance, WORDS_A_PASSAGE) for _ in range(PASSAGES_A_DOCUMENT)]
    text, title = "\n\n".join(paragraphs), words.text(chance, 4)
    path = (title, words.text(chance, 3))
    passages: list[Passage] = []
    start = 0
    for ordinal, paragraph in enumerate(paragraphs):
        span = Span(start, start + len(paragraph))
        passages.append(Passage(ordinal, span, paragraph, path, None))
        start = span.end + 2
    section = Section(path, 1, Span(0, len(text)))
    content_hash = hashlib.sha256(text.encode()).hexdigest()
    return Document(f"{number:06d}.md", title, text, content_hash, "text/markdown", PageMap(), (section,)), passages


def fill(catalog: SqliteCatalog, vectors: ChromaVectors, embedder: ClusteredEmbedder, words: Words, count: int) -> None:
    """Publish documents until there are ``count`` passages."""
    known = len(catalog.current("default"))
    for number in range(known, count // PASSAGES_A_DOCUMENT):
        made, passages = document(number, words)
        prepared = catalog.prepare("default", made, passages)
        rows = embedder.embed([passage.text for passage in passages])
        vectors.upsert("default", [(prepared.revision.id, prepared.passage_ids, rows)])
        catalog.publish(prepared)


def measure(folder: Path, count: int, questions: int) -> str:
    """A row of the table."""
    words, embedder = Words(), ClusteredEmbedder()
    catalog = SqliteCatalog(folder / str(count) / "catalog.sqlite")
    vectors = ChromaVectors(folder / str(count) / "chroma", embedder.name)
    began = time.perf_counter()
    fill(catalog, vectors, embedder, words, count)
    built = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    retriever = HybridRetriever(embedder, vectors, catalog)
    chance = np.random.default_rng(99)
    times: dict[str, list[float]] = {"all": [], "dense": [], "lexical": []}
    for number in range(questions + 20):
        question = words.question(chance)
        vector = embedder.embed([question])[0]
        moments = [time.perf_counter()]
        retriever.retrieve(question, "default", CANDIDATES)
        moments.append(time.perf_counter())
        vectors.query("default", vector, 60)
        moments.append(time.perf_counter())
        catalog.search("default", question, 60)
        moments.append(time.perf_counter())
        if number >= 20:  # The first ones read the files.
            for name, seconds in zip(times, np.diff(moments), strict=True):
                times[name].append(1e3 * float(seconds))
    cells = [f"{np.percentile(values, 50):.1f} / {np.percentile(values, 95):.1f}" for values in times.values()]
    vectors.close()
    catalog.close()
    return f"| {count:,} | {' | '.join(cells)} | {built:.0f} | {peak:.2f} |"


def main() -> None:
    """Print a table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("passages", type=int, nargs="+")
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    print(
        "| passages | retrieval p50 / p95 ms | dense | lexical | built in s | memory GiB |\n|---|---|---|---|---|---|"
    )
    for count in arguments.passages:
        print(measure(arguments.folder, count, arguments.questions), flush=True)


if __name__ == "__main__":
    main()
