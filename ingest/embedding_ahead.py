"""Embedding the passages of the next documents while those before them are written.

Documents are small, and embedding is what takes the processor: many passages at a time keep all of it busy, and so does
going on while the index is written. Where reading takes longer than that, nothing that was read waits for company.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from time import monotonic

from ingest.contextual import contextual_text
from ingest.discovery import SourceFound
from ingest.embedding_store import RememberingEmbedder
from ingest.preparation import Failure, Prepared, Waiting

Item = tuple[SourceFound, Prepared | Failure]

GROUP = 256
"""Passages from which on no further document is waited for."""

PATIENCE_S = 1.0
"""Seconds of waiting for readers after which what they have read by then goes on alone."""

_BATCH = 64
"""Passages that are embedded before looking whether anybody still wants them."""
_CALLS = 2
"""While one is in the model's pass the other looks for what is known and remembers what is new."""
_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Begun:
    """A group whose ``texts`` are being embedded."""

    group: list[Item]
    texts: Set[str]
    batches: Sequence[Future[int]]


class EmbeddingAhead:
    """Has passages embedded before they are asked for, so that the embedder remembers their vectors then."""

    def __init__(self, embedder: RememberingEmbedder, wanted: Callable[[SourceFound, Prepared], bool]) -> None:
        """``wanted`` tells which documents will be written."""
        self.embedded = 0
        """Passages that had to be embedded."""
        self._embedder = embedder
        self._wanted = wanted

    def through(self, items: Iterable[Item], waiting: Waiting) -> Generator[list[Item]]:
        """The same items in the same order, in groups whose passages are embedded; the next one is being embedded.

        ``waiting`` is told about once a second which file is waited for; what it raises ends all work, and so does
        closing. Raises what the embedder raises.
        """
        stop = Event()
        with ThreadPoolExecutor(_CALLS, thread_name_prefix="embedding") as threads:
            try:
                before: _Begun | None = None
                for group, full in _groups(items):
                    begun = self._begin(group, before, threads, stop)
                    if before is not None:
                        yield self._finished(before, waiting)
                    before = begun
                    if not full:  # The next one may take long to be read.
                        yield self._finished(before, waiting)
                        before = None
                if before is not None:
                    yield self._finished(before, waiting)
            finally:
                stop.set()

    def _begin(self, group: list[Item], before: _Begun | None, threads: ThreadPoolExecutor, stop: Event) -> _Begun:
        texts = {
            contextual_text(outcome.document.title, passage)
            for file, outcome in group
            if isinstance(outcome, Prepared) and self._wanted(file, outcome)
            for passage in outcome.passages
        }
        # What is being embedded with the group before is remembered by the time that this one is finished.
        new = sorted(texts if before is None else texts - before.texts, key=len, reverse=True)  # like lengths together
        batches = [new[start : start + _BATCH] for start in range(0, len(new), _BATCH)]
        return _Begun(group, texts, [threads.submit(self._embed, batch, stop) for batch in batches])

    def _embed(self, texts: Sequence[str], stop: Event) -> int:
        return 0 if stop.is_set() else self._embedder.embed_counted(texts)[1]

    def _finished(self, begun: _Begun, waiting: Waiting) -> list[Item]:
        while wait(begun.batches, _WAIT_S).not_done:
            waiting(begun.group[0][0])
        self.embedded += sum(batch.result() for batch in begun.batches)
        return begun.group


def _groups(items: Iterable[Item]) -> Iterator[tuple[list[Item], bool]]:
    """Items to be embedded together, and whether they are as many as one wishes for."""
    group: list[Item] = []
    passages = 0
    began = monotonic()
    for item in items:
        group.append(item)
        passages += len(item[1].passages) if isinstance(item[1], Prepared) else 0
        full = passages >= GROUP
        if full or monotonic() - began >= PATIENCE_S:
            yield group, full
            group, passages, began = [], 0, monotonic()
    if group:
        yield group, False
