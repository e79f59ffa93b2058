"""How fast documents become searchable: ``python scripts/bench_ingest.py FOLDER``.

Ingests FOLDER into an index of its own, which is thrown away: reading, splitting, embedding and writing, as
`docqa ingest` does it, twice (the second time nothing has changed). Then a plain loop of the sentence-transformers
library embeds some of the same passages in float32. What is kept is the share of float32's ten nearest passages that
the product's vectors find, asked for by the documents' titles.

PostgreSQL's manual, for which the README has figures, is Debian's package postgresql-doc-15:
``apt-get download postgresql-doc-15; dpkg-deb -x postgresql-doc-15_*.deb FOLDER``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from api.components import LocalComponents
from api.embedding import open_embedder
from api.settings import Settings, load_settings
from ingest.contextual import contextual_text
from ingest.embedder import Vectors
from ingest.scope import NOW

COLLECTION = "default"
NEAREST = 10
T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What ``work`` gives, and its seconds."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


class PlainLoop:
    """Sentence-transformers with its defaults, but for the number format."""

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        self._model = SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": getattr(torch, precision)}
        )
        self._model.encode(["Ready?"], show_progress_bar=False)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 of shape (len(texts), dimensions), rows of unit length."""
        rows = self._model.encode(list(texts), show_progress_bar=False, convert_to_tensor=True).float().numpy()
        vectors: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return vectors


def recall(exact: tuple[Vectors, Vectors], ours: tuple[Vectors, Vectors]) -> float:
    """Share of the nearest passages of ``exact`` that are among those of ``ours``; each questions and passages."""
    nearest = [np.argsort(-(questions @ passages.T), axis=1)[:, :NEAREST] for questions, passages in (exact, ours)]
    shares = [len(set(first) & set(second)) for first, second in zip(*nearest, strict=True)]
    return float(np.mean(shares)) / NEAREST


@dataclass(frozen=True, slots=True)
class Ingested:
    """``texts``: title and embedded text of every passage; seconds of both ingests; passages embedded in the second."""

    texts: Sequence[tuple[str, str]]
    first_s: float
    second_s: float
    embedded_again: int


def ingest(settings: Settings, folder: Path) -> Ingested:
    """Ingest twice, with all models loaded."""
    with LocalComponents(settings) as components:
        components.embedder.embed(["Ready?"])
        with components.ingesting() as pipeline:
            report, first_s = timed(lambda: pipeline.ingest([folder], COLLECTION))
            again, second_s = timed(lambda: pipeline.ingest([folder], COLLECTION))
        for refusal in report.failed:
            print(f"not read: {refusal.source}: {refusal.reason}")
        stored = components.catalog.passages_within(COLLECTION, NOW)
        texts = [(each.revision.title, contextual_text(each.revision.title, each.passage)) for each in stored]
        return Ingested(texts, first_s, second_s, again.passages)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--compared", type=int, default=1_000, help="passages that the plain loop embeds, too")
    parser.add_argument("--bfloat16", action="store_true", help="measure a plain loop in bfloat16 as well")
    arguments = parser.parse_args()
    settings = load_settings()
    threads = settings.threads or os.cpu_count() or 1
    model = settings.models_dir.resolve() / settings.embedder
    opened = open_embedder(model, threads)
    print(f"{settings.embedder} on this engine: {opened.engine}; {threads} threads")
    with tempfile.TemporaryDirectory() as data:
        (Path(data) / "models").symlink_to(model.parent)
        done = ingest(settings.model_copy(update={"data_dir": Path(data)}), arguments.folder)
    count = len(done.texts)
    print(f"first ingest: {count} passages in {done.first_s:.1f} s, {count / done.first_s:.1f} a second")
    print(f"second ingest, nothing changed: {done.second_s:.2f} s, {done.embedded_again} passages embedded")

    chosen = done.texts[:: max(count // arguments.compared, 1)]
    passages, questions = [text for _, text in chosen], sorted({title for title, _ in done.texts})
    opened.embedder.embed(questions[:1])
    ours, seconds = timed(lambda: opened.embedder.embed(passages))
    print(f"its embedder alone: {len(passages) / seconds:.1f} a second")
    exact: tuple[Vectors, Vectors] | None = None
    for precision in ("float32", "bfloat16")[: 1 + arguments.bfloat16]:
        loop = PlainLoop(model, precision, threads)
        vectors, seconds = timed(partial(loop.embed, passages))
        rate = len(passages) / seconds
        times = count / done.first_s / rate
        print(f"plain loop, {precision}: {rate:.1f} a second; the whole ingest is {times:.2f} times as fast")
        asked = loop.embed(questions)
        if exact is None:
            exact = asked, vectors
            kept = recall(exact, (opened.embedder.embed(questions), ours))
            print(f"of float32's {NEAREST} nearest of {len(passages)}, {len(questions)} questions: {kept:.4f} kept")
        else:
            print(f"kept by this loop: {recall(exact, (asked, vectors)):.4f}")


if __name__ == "__main__":
    main()
