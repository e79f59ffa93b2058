"""Which answers that are kept may still be read: labels change, of documents and of people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from api.access import Caller
from api.state.conversations import StoredTurn
from ingest.catalog import Catalog
from ingest.document import DocumentId

WITHHELD = "(This answer rests on documents that you may not read any more.)"


def documents_of(answer: Mapping[str, Any]) -> set[str]:
    """The documents that went into an answer, given as it is kept (`api.schemas.AnswerBody`)."""
    passages = [*answer["sources"], *answer["nearest"]]
    cited = [citation for sentence in answer["sentences"] for citation in sentence["citations"]]
    copies = [copy for passage in passages for copy in passage.get("also_in", ())]
    return {place["document"] for place in (*passages, *cited, *copies)}


class KeptAnswers:
    """What of kept answers one caller may read; looks each document up once."""

    def __init__(self, catalog: Catalog, caller: Caller) -> None:
        self._catalog = catalog
        self._caller = caller
        self._known: dict[str, bool | None] = {}

    def readable(self, answer: Mapping[str, Any], *, own: bool = False) -> bool:
        """Whether the caller may read all that went into it.

        Of documents of which nothing is left, not even their labels, only their ``own`` reader and whoever reads
        everything still know.
        """
        gone = own or self._caller.labels is None
        readable = all(self._reads(document, gone=gone) for document in documents_of(answer))
        return readable and self._caller.sees(answer["collection"])

    def turns(self, turns: Sequence[StoredTurn]) -> tuple[StoredTurn, ...]:
        """The caller's own turns, without the answers that he may not read any more."""
        return tuple(turn if self.shows(turn) else replace(turn, text=WITHHELD, answer=None) for turn in turns)

    def shows(self, turn: StoredTurn) -> bool:
        """Whether the caller may still read the answer in his own turn; one that was stopped names no documents."""
        return turn.answer is None or self.readable(turn.answer, own=True)

    def holds(self, words: str, title: str, turns: Sequence[StoredTurn]) -> bool:
        """Whether title, questions and answers that may be read hold each of these words."""
        said = "\n".join([title, *self._texts(turns)]).lower()
        return all(word in said for word in words.lower().split())

    def _texts(self, turns: Sequence[StoredTurn]) -> Iterator[str]:
        for turn in turns:
            yield turn.question
            if self.shows(turn):
                yield turn.text

    def _reads(self, document: str, *, gone: bool) -> bool:
        if document not in self._known:
            history = self._catalog.history(DocumentId(document))
            self._known[document] = self._caller.reads(history[-1]) if history else None
        known = self._known[document]
        return gone if known is None else known
