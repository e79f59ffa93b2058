"""A catalog in memory."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock

from ingest.catalog import LexicalHit, Move, PreparedRevision, document_id, passage_id, revision_id
from ingest.contextual import contextual_text
from ingest.document import Document, DocumentId, Passage, Revision, StoredPassage
from ingest.lexical_query import Phrase, phrases_of, words_of
from ingest.scope import EVERYTHING, NOW, Labels, Scope


@dataclass
class _Record:
    revision: Revision
    document: Document
    passages: tuple[Passage, ...]
    published: bool

    @property
    def current(self) -> bool:
        return self.published and self.revision.valid_to is None

    def held(self, as_of: float | None) -> bool:
        if as_of is None:
            return self.current
        end = self.revision.valid_to
        return self.published and self.revision.valid_from <= as_of and (end is None or end > as_of)


@dataclass
class _Owner:
    collection: str
    root: str
    source: str
    labels: Labels
    removed_at: float | None = None
    last_number: int = 0
    moves: list[Move] = field(default_factory=list)


class MemoryCatalog:
    """Everything in dictionaries; words are compared as they are written, without stemming."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._records: dict[str, _Record] = {}
        self._owners: dict[DocumentId, _Owner] = {}
        self._generation = 0
        self._lock = RLock()

    def prepare(
        self,
        collection: str,
        document: Document,
        passages: Sequence[Passage],
        recipe: str = "",
        *,
        root: str = "",
        labels: Labels = (),
        into: DocumentId | None = None,
    ) -> PreparedRevision:
        with self._lock:
            id = self._owner(collection, root, document.source, labels) if into is None else into
            owner = self._owners[id]
            numbers = [r.revision.number for r in self._records.values() if r.revision.document_id == id]
            number = max([*numbers, owner.last_number]) + 1
            revision = Revision(
                id=revision_id(id, number),
                document_id=id,
                collection=collection,
                source=owner.source,
                number=number,
                title=document.title,
                content_hash=document.content_hash,
                media_type=document.media_type,
                valid_from=self._clock(),
                valid_to=None,
                passage_count=len(passages),
                recipe=recipe,
                root=owner.root,
                labels=labels,
            )
            self._records[revision.id] = _Record(revision, document, tuple(passages), published=False)
            return PreparedRevision(revision, tuple(passage_id(revision.id, p.ordinal) for p in passages))

    def publish(self, prepared: PreparedRevision) -> Revision | None:
        with self._lock:
            record = self._records[prepared.revision.id]
            if record.published:
                raise KeyError(prepared.revision.id)
            id = record.revision.document_id
            owner = self._owners[id]
            self._require_free(owner.collection, owner.root, owner.source, id)
            old, now = self._end_current(id)
            owner.labels, owner.removed_at, owner.last_number = record.revision.labels, None, record.revision.number
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
            left = {r.revision.document_id for r in self._records.values()}
            self._owners = {id: owner for id, owner in self._owners.items() if owner.last_number or id in left}

    def confirm(self, revision_id: str, recipe: str) -> None:
        with self._lock:
            record = self._records[revision_id]
            if not record.current:
                raise KeyError(revision_id)
            record.revision = replace(record.revision, recipe=recipe)

    def remove(self, document_id: DocumentId) -> Revision | None:
        with self._lock:
            old, now = self._end_current(document_id)
            if old is not None:
                self._owners[document_id].removed_at = now
                self._generation += 1
            return old

    def move(self, document_id: DocumentId, root: str, source: str) -> None:
        with self._lock:
            owner = self._owners[document_id]
            self._require_free(owner.collection, root, source, document_id)
            owner.moves.append(Move(self._clock(), owner.root, owner.source))
            owner.root, owner.source = root, source
            self._generation += 1

    def sweep(self, before: float) -> Sequence[Revision]:
        with self._lock:
            swept = [r for r in self._records.values() if r.revision.valid_to is not None]
            swept = [r for r in swept if (r.revision.valid_to or 0.0) < before]
            for record in swept:
                del self._records[record.revision.id]
            return sorted((self._seen(r) for r in swept), key=lambda r: r.id)

    def unpublished(self, collection: str) -> Sequence[Revision]:
        found = self._revisions(lambda r: not r.published and r.revision.collection == collection)
        return sorted(found, key=lambda r: r.id)

    def current(self, collection: str | None = None) -> Sequence[Revision]:
        return self._revisions(lambda r: r.current and collection in (None, r.revision.collection))

    def current_of(self, collection: str, source: str, root: str = "") -> Revision | None:
        return next((r for r in self.current(collection) if (r.source, r.root) == (source, root)), None)

    def removed(self, collection: str | None = None) -> Sequence[Revision]:
        with self._lock:
            gone = [id for id, owner in self._owners.items() if owner.removed_at is not None]
        last = [history[-1] for id in gone if (history := self.history(id))]
        return sorted((r for r in last if collection in (None, r.collection)), key=_place)

    def history(self, document_id: DocumentId) -> Sequence[Revision]:
        found = self._revisions(lambda r: r.published and r.revision.document_id == document_id)
        return sorted(found, key=lambda r: r.number)

    def moves(self, document_id: DocumentId) -> Sequence[Move]:
        owner = self._owners.get(document_id)
        return [] if owner is None else list(owner.moves)

    def revision(self, document_id: DocumentId, number: int) -> Revision | None:
        with self._lock:
            record = self._records.get(revision_id(document_id, number))
            return self._seen(record) if record is not None and record.published else None

    def document(self, revision_id: str) -> Document:
        with self._lock:
            record = self._records[revision_id]
            return replace(record.document, source=self._owners[record.revision.document_id].source)

    def passages(self, passage_ids: Sequence[str], scope: Scope = NOW) -> Mapping[str, StoredPassage]:
        wanted = frozenset(passage_ids)
        return {p.id: p for p in self._passages(None, scope) if p.id in wanted}

    def passages_within(self, collection: str, scope: Scope) -> Sequence[StoredPassage]:
        return sorted(self._passages(collection, scope), key=lambda p: p.id)

    def passages_of(self, revision_id: str) -> Sequence[StoredPassage]:
        with self._lock:
            record = self._records.get(revision_id)
            return [] if record is None else self._stored(record)

    def search(self, collection: str, question: str, k: int, scope: Scope = NOW) -> Sequence[LexicalHit]:
        phrases = phrases_of(question)
        texts = {
            p.id: words_of(contextual_text(p.revision.title, p.passage)) for p in self._passages(collection, scope)
        }
        counts = {id: {p: n for p in phrases if (n := _occurrences(p, words))} for id, words in texts.items()}
        frequency = Counter(phrase for found in counts.values() for phrase in found)
        weight = {p: phrases.count(p) * math.log(1 + len(texts) / n) for p, n in frequency.items()}
        hits = [
            LexicalHit(id, sum(weight[p] * n / (n + 1) for p, n in found.items()) / math.log(1 + len(texts)))
            for id, found in counts.items()
            if found
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))[:k]

    def partitions(self, collection: str) -> Sequence[Labels]:
        return sorted({r.labels for r in self.current(collection)})

    def generation(self) -> int:
        return self._generation

    def collections(self, scope: Scope = EVERYTHING) -> Sequence[str]:
        return sorted({r.collection for r in self.current() if scope.reads(r.labels)})

    def _owner(self, collection: str, root: str, source: str, labels: Labels) -> DocumentId:
        there = [
            (owner.removed_at is not None, -(owner.removed_at or 0.0), id)
            for id, owner in self._owners.items()
            if (owner.collection, owner.root, owner.source) == (collection, root, source)
        ]
        if there:
            return min(there)[2]
        copy = 1
        while (id := document_id(collection, source, copy)) in self._owners:
            copy += 1
        self._owners[id] = _Owner(collection, root, source, labels)
        return id

    def _require_free(self, collection: str, root: str, source: str, mine: DocumentId) -> None:
        for id, owner in self._owners.items():
            place = (owner.collection, owner.root, owner.source)
            if id != mine and owner.removed_at is None and place == (collection, root, source):
                raise ValueError(f"another document stands at the place of {mine}")

    def _end_current(self, document: DocumentId) -> tuple[Revision | None, float]:
        now = self._clock()
        mine = [r for r in self._records.values() if r.revision.document_id == document and r.published]
        old = next((r for r in mine if r.current), None)
        if old is None:
            return None, max([now, *(r.revision.valid_to or now for r in mine)])
        now = max(now, old.revision.valid_from)
        old.revision = replace(old.revision, valid_to=now)
        return self._seen(old), now

    def _seen(self, record: _Record) -> Revision:
        owner = self._owners[record.revision.document_id]
        labels = owner.labels if record.published else record.revision.labels
        return replace(record.revision, root=owner.root, source=owner.source, labels=labels)

    def _revisions(self, wanted: Callable[[_Record], bool]) -> list[Revision]:
        with self._lock:
            return sorted((self._seen(r) for r in self._records.values() if wanted(r)), key=_place)

    def _passages(self, collection: str | None, scope: Scope) -> list[StoredPassage]:
        with self._lock:
            return [
                passage
                for record in self._records.values()
                if record.held(scope.as_of) and collection in (None, record.revision.collection)
                if scope.reads(self._owners[record.revision.document_id].labels)
                for passage in self._stored(record)
            ]

    def _stored(self, record: _Record) -> list[StoredPassage]:
        seen = self._seen(record)
        return [StoredPassage(passage_id(seen.id, p.ordinal), seen, p) for p in record.passages]


def _place(revision: Revision) -> tuple[str, str, str]:
    return revision.collection, revision.source, revision.root


def _occurrences(phrase: Phrase, words: Sequence[str]) -> int:
    return sum(tuple(words[i : i + len(phrase)]) == phrase for i in range(len(words) - len(phrase) + 1))
