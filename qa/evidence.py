"""The passages of an answer, cut into the pieces that a citation may point to."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.document import Document, Span
from qa.answer import RetrievedPassage
from qa.measures import Measure, measures
from qa.polarity import Polarity, polarity
from qa.sentences import pieces
from qa.tables import is_delimiter_row, is_row
from qa.words import Kind, Token, content_stems, key, stems, tokens, word_set

_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•–]|\(?\d{1,3}[.)])\s")
_REFERS_BACK = word_set(
    """
    it they this these that those its their then otherwise afterwards instead he she
    """
)


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence, row, list item, heading or code block of a passage.

    ``span`` is in the document's text, ``first_token`` and ``tokens`` in the passage's. ``context`` holds what a
    reader of the unit has in mind without it being repeated there: title, headings, the table's header, the
    sentence that a pronoun at its beginning refers to.
    """

    passage: int
    index: int
    span: Span
    first_token: int
    tokens: tuple[Token, ...]
    content: frozenset[str]
    context: frozenset[str]
    measures: frozenset[Measure]
    polarity: Polarity
    is_heading: bool

    def holds(self, word: str) -> bool:
        """Whether the content word is in the unit or in what goes without saying there."""
        return word in self.content or word in self.context


class Evidence:
    """All units of some passages, with the weight that each content word has among them."""

    def __init__(self, passages: Sequence[RetrievedPassage], documents: Mapping[str, Document]) -> None:
        self.passages = tuple(passages)
        self.passage_tokens: list[list[Token]] = []
        self.units: list[Unit] = []
        self._pairs: list[frozenset[tuple[str, str]]] = []
        for number, found in enumerate(passages):
            self._add(number, found, documents[found.stored.revision.id])
        self._frequency = Counter(word for unit in self.units for word in unit.content)
        self.names = self._names()

    def weight(self, word: str) -> float:
        """Inverse document frequency over the units: rare words say more about where a claim comes from."""
        return math.log(1.0 + len(self.units) / (1 + self._frequency.get(word, 0)))

    def units_of(self, passage: int, first: int, end: int) -> list[Unit]:
        """The units of a passage that share tokens ``first..end``."""
        return [
            unit
            for unit in self.units
            if unit.passage == passage and unit.first_token < end and first < unit.first_token + len(unit.tokens)
        ]

    def background(self, passage: int) -> frozenset[str]:
        """All content words of a passage and its headings."""
        return frozenset(word for unit in self.units if unit.passage == passage for word in unit.content | unit.context)

    def names_together(self, unit: Unit, first: str, second: str) -> bool:
        """Whether two tokens stand side by side in the unit's passage or its headings."""
        return (first, second) in self._pairs[unit.passage]

    def _names(self) -> frozenset[str]:
        """Words that are capitalised inside sentences and nowhere written small."""
        inside: set[str] = set()
        small: set[str] = set()
        for unit in self.units:
            for position, token in enumerate(unit.tokens):
                if token.kind is Kind.WORD and token.surface[0].isupper():
                    if position > 0 and not unit.is_heading:
                        inside.add(key(token))
                elif token.kind is Kind.WORD:
                    small.add(key(token))
        return frozenset(inside - small)

    def _add(self, number: int, found: RetrievedPassage, document: Document) -> None:
        passage = found.stored.passage
        title = frozenset(content_stems(found.stored.revision.title))
        header = _header_words(passage.lead_in)
        all_tokens: list[Token] = []
        introduction: frozenset[str] = frozenset()
        previous: frozenset[str] = frozenset()
        for index, piece in enumerate(pieces(passage.text)):
            text = piece.of(passage.text)
            found_tokens = tokens(text)
            span = Span(passage.span.start + piece.start, passage.span.start + piece.end)
            content = frozenset(stems(found_tokens))
            row = is_row(text)
            if row and is_delimiter_row(text.splitlines()[-1]):
                header = _header_words(text)
            elif not row:
                header = frozenset()
            if text.endswith(":"):
                introduction = content
            elif not _LIST_ITEM.match(text):
                introduction = frozenset()
            context = title | frozenset(content_stems(" ".join(document.section_path_at(span.start)))) | header
            if _LIST_ITEM.match(text):
                context |= introduction
            if found_tokens and found_tokens[0].form in _REFERS_BACK:
                context |= previous
            self.units.append(
                Unit(
                    passage=number,
                    index=index,
                    span=span,
                    first_token=len(all_tokens),
                    tokens=tuple(found_tokens),
                    content=content,
                    context=context,
                    measures=measures(found_tokens),
                    polarity=polarity(text, found_tokens),
                    is_heading=_HEADING.match(text) is not None,
                )
            )
            all_tokens += found_tokens
            previous = content
        self.passage_tokens.append(all_tokens)
        headings = [tokens(line) for line in (found.stored.revision.title, *passage.section_path)]
        self._pairs.append(
            frozenset((first.form, second.form) for line in (all_tokens, *headings) for first, second in pairwise(line))
        )


def _header_words(row: str) -> frozenset[str]:
    return frozenset(content_stems(row))
