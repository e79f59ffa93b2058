"""What a search may see: the time whose revisions count, and the labels that decide who reads what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

Labels = tuple[str, ...]
"""A document's labels, sorted, each once. None at all: everybody may read it."""

_LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Scope:
    """The revisions that held at ``as_of``, of the documents that whoever asks may read.

    ``as_of`` are UTC seconds since the epoch, None for now. ``labels`` are held by whoever asks; None stands for an
    administrator, who reads everything. What may be read is decided by a document's present labels, whatever they
    were at ``as_of``.
    """

    as_of: float | None = None
    labels: frozenset[str] | None = frozenset()

    def reads(self, labels: Labels) -> bool:
        """Whether documents with ``labels`` may be read: those without any, and those with one that is held."""
        return self.labels is None or not labels or not self.labels.isdisjoint(labels)


NOW = Scope()
"""What holds now and everybody may read."""

EVERYTHING = Scope(labels=None)
"""All that holds now."""


def labels_of(names: Iterable[str]) -> Labels:
    """Labels from what people write. Raises ValueError for a name that is none."""
    labels = {name.strip().lower() for name in names}
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r} is no label: letters, digits and . _ - are allowed, 63 at most")
    return tuple(sorted(labels))


def partition(collection: str, labels: Labels) -> str:
    """Name of the part of a collection that holds the documents with just these labels.

    Search keeps one index for each partition, so that what somebody may not read is not filtered out of an index
    but never in it: it can neither take a place in a result nor change the score of what is read.
    """
    return f"{collection}|{','.join(labels)}" if labels else collection


def collection_of(partition: str) -> str:
    """The collection to which a partition belongs."""
    return partition.rsplit("|", 1)[0] if "|" in partition else partition
