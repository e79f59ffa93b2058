"""The documents around the passages as texts to draft from, so that a quotation goes on past its passage's end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock

from decoding.generator import DraftText, Tokenizer
from ingest.document import Document
from qa.answer import RetrievedPassage

BLOCK = 16_000
"""Code points that become one text: some milliseconds for the tokenizer, also where a manual has a million."""

BEYOND = 2_000
"""Code points behind a passage that a quotation may go on into."""

MOST_TEXTS = 128
"""Texts whose tokens are kept: half a million tokens, some 20 MB."""


class DraftTexts:
    """Token ids of documents, block by block, made when they are first needed. It may be used by several threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._texts: OrderedDict[str, DraftText] = OrderedDict()
        self._lock = Lock()

    def around(self, passages: Iterable[RetrievedPassage], documents: Mapping[str, Document]) -> tuple[DraftText, ...]:
        """The blocks in which the passages stand and may go on, each once, the best passage's first.

        ``documents`` by revision id. The id of a text is "REVISION/BLOCK"; its tokens begin at code point
        BLOCK * `BLOCK` of the document.
        """
        wanted: dict[tuple[str, int], None] = {}
        for passage in passages:
            revision, span = passage.stored.revision.id, passage.stored.passage.span
            end = min(span.end + BEYOND, len(documents[revision].text))
            wanted |= {(revision, block): None for block in range(span.start // BLOCK, (end - 1) // BLOCK + 1)}
        return tuple(self._text(revision, block, documents[revision]) for revision, block in wanted)

    def _text(self, revision: str, block: int, document: Document) -> DraftText:
        name = f"{revision}/{block}"
        with self._lock:
            text = self._texts.get(name)
            if text is None:
                piece = document.text[block * BLOCK : (block + 1) * BLOCK]
                text = self._texts[name] = DraftText(name, tuple(self._tokenizer.encode(piece)))
            self._texts.move_to_end(name)
            if len(self._texts) > MOST_TEXTS:
                self._texts.popitem(last=False)
            return text
