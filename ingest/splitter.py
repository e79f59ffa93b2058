"""Cutting a document into passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ingest.document import Document, Passage


class Splitter(Protocol):
    """Law: ``document.text[p.span] == p.text`` for each passage; every visible character is in some passage."""

    @property
    def version(self) -> str:
        """Names the method and its settings; changes whenever the same document may give other passages."""
        ...

    def split(self, document: Document) -> Sequence[Passage]:
        """Passages in the order of the text, ordinals from 0."""
        ...
