"""A catalog in memory."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import RLock

from ingest.catalog import LexicalHit, PreparedRevision, document_id, passage_id, revision_id
from ingest.contextual import contextual_text
from ingest.document import Document, DocumentId, Passage, Revision, StoredPassage
from ingest.lexical_query import Phrase, phrases_of, words_of


@dataclass
class _Record:
    revision: Revision
    document: Document
    passages: tuple[Passage, ...]
    published: bool

    @property
    def current(self) -> bool:
        return self.published and self.revision.valid_to is None


class MemoryCatalog:
    """Everything in dictionaries; words are compared as they are written, without stemming."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._records: dict[str, _Record] = {}
        self._generation = 0
        self._lock = RLock()

    def prepare(
        self, collection: str, document: Document, passages: Sequence[Passage], recipe: str = ""
    ) -> PreparedRevision:
        with self._lock:
            owner = document_id(collection, document.source)
            numbers = [r.revision.number for r in self._records.values() if r.revision.document_id == owner]
            number = max(numbers, default=0) + 1
            revision = Revision(
                id=revision_id(owner, number),
                document_id=owner,
                collection=collection,
                source=document.source,
                number=number,
                title=document.title,
                content_hash=document.content_hash,
                media_type=document.media_type,
                valid_from=self._clock(),
                valid_to=None,
                passage_count=len(passages),
                recipe=recipe,
            )
            self._records[revision.id] = _Record(revision, document, tuple(passages), published=False)
            return PreparedRevision(revision, tuple(passage_id(revision.id, p.ordinal) for p in passages))

    def publish(self, prepared: PreparedRevision) -> Revision | None:
        with self._lock:
            record = self._records[prepared.revision.id]
            if record.published:
                raise KeyError(prepared.revision.id)
            now = self._clock()
            old = self.current_of(record.revision.collection, record.revision.source)
            if old is not None:
                now = max(now, old.valid_from)
                old = replace(old, valid_to=now)
                self._records[old.id].revision = old
            record.revision = replace(record.revision, valid_from=now)
            record.published = True
            self._generation += 1
            return old

    def discard(self, revision_id: str) -> None:
        with self._lock:
            record = self._records.get(revision_id)
            if record is not None and record.current:
                raise ValueError(f"revision {revision_id} holds now and can't be discarded")
            self._records.pop(revision_id, None)

    def confirm(self, revision_id: str, recipe: str) -> None:
        with self._lock:
            record = self._records[revision_id]
            if not record.current:
                raise KeyError(revision_id)
            record.revision = replace(record.revision, recipe=recipe)

    def unpublished(self, collection: str) -> Sequence[str]:
        with self._lock:
            return sorted(
                r.revision.id for r in self._records.values() if r.revision.collection == collection and not r.published
            )

    def current(self, collection: str | None = None) -> Sequence[Revision]:
        with self._lock:
            found = [r.revision for r in self._records.values() if r.current]
        wanted = [r for r in found if collection in (None, r.collection)]
        return sorted(wanted, key=lambda r: (r.collection, r.source))

    def current_of(self, collection: str, source: str) -> Revision | None:
        return next((r for r in self.current(collection) if r.source == source), None)

    def revision(self, document_id: DocumentId, number: int) -> Revision | None:
        with self._lock:
            record = self._records.get(revision_id(document_id, number))
            return record.revision if record is not None and record.published else None

    def document(self, revision_id: str) -> Document:
        with self._lock:
            return self._records[revision_id].document

    def passages(self, passage_ids: Sequence[str]) -> Mapping[str, StoredPassage]:
        wanted = frozenset(passage_ids)
        return {p.id: p for p in self._current_passages(None) if p.id in wanted}

    def passages_of(self, revision_id: str) -> Sequence[StoredPassage]:
        with self._lock:
            record = self._records.get(revision_id)
            return [] if record is None else self._stored(record)

    def search(self, collection: str, question: str, k: int) -> Sequence[LexicalHit]:
        phrases = phrases_of(question)
        texts = {
            p.id: words_of(contextual_text(p.revision.title, p.passage)) for p in self._current_passages(collection)
        }
        counts = {id: {p: n for p in phrases if (n := _occurrences(p, words))} for id, words in texts.items()}
        frequency = Counter(phrase for found in counts.values() for phrase in found)
        weight = {p: phrases.count(p) * math.log(1 + len(texts) / n) for p, n in frequency.items()}
        hits = [
            LexicalHit(id, sum(weight[p] * n / (n + 1) for p, n in found.items()))
            for id, found in counts.items()
            if found
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))[:k]

    def generation(self) -> int:
        return self._generation

    def collections(self) -> Sequence[str]:
        return sorted({r.collection for r in self.current()})

    def _current_passages(self, collection: str | None) -> list[StoredPassage]:
        with self._lock:
            return [
                passage
                for record in self._records.values()
                if record.current and collection in (None, record.revision.collection)
                for passage in self._stored(record)
            ]

    @staticmethod
    def _stored(record: _Record) -> list[StoredPassage]:
        return [StoredPassage(passage_id(record.revision.id, p.ordinal), record.revision, p) for p in record.passages]


def _occurrences(phrase: Phrase, words: Sequence[str]) -> int:
    return sum(tuple(words[i : i + len(phrase)]) == phrase for i in range(len(words) - len(phrase) + 1))
