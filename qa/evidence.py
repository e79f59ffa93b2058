"""The passages of an answer, cut into the pieces that a citation may point to."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from ingest.document import Document, Span
from qa.answer import RetrievedPassage
from qa.measures import Measure, measures
from qa.polarity import Polarity, polarity
from qa.sentences import pieces
from qa.tables import is_delimiter_row, is_row
from qa.words import Kind, Token, content_stems, key, stems, tokens, word_set

# What a neighbouring sentence says counts half for a unit: it often names what the unit only refers to.
NEIGHBOUR_SHARE = 0.5

_FENCE = re.compile(r"\s{0,3}(?:`{3,}|~{3,})")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•–]|\(?\d{1,3}[.)])\s")
_REFERS_BACK = word_set("it they this these that those its their then otherwise afterwards instead he she")


class Form(Enum):
    """What a unit is in the document."""

    HEADING = auto()
    SENTENCE = auto()
    ITEM = auto()
    ROW = auto()
    LINE = auto()


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence, list item, heading, table row, or line of preformatted text of a passage.

    ``span`` is in the document's text; ``first_token`` counts in the passage's tokens. ``context`` holds the
    content words that a reader of the unit has in mind without it being repeated there: title, headings, the
    table's header, the sentence that a pronoun at its beginning refers to; ``around`` those of the sentences next
    to it. ``measures`` are the unit's numbers, ``labels`` those that its title and headings give as names.
    """

    passage: int
    index: int
    form: Form
    span: Span
    first_token: int
    tokens: tuple[Token, ...]
    content: frozenset[str]
    context: frozenset[str]
    around: frozenset[str]
    measures: frozenset[Measure]
    labels: frozenset[str]
    polarity: Polarity

    def share(self, word: str) -> float:
        """How far the unit holds a content word: 1 itself or as its context, less by its neighbours, or 0."""
        if word in self.content or word in self.context:
            return 1.0
        return NEIGHBOUR_SHARE if word in self.around else 0.0


class Evidence:
    """All units of some passages, with the weight that each content word has among them."""

    def __init__(self, passages: Sequence[RetrievedPassage], documents: Mapping[str, Document]) -> None:
        self.units: list[Unit] = []
        self.passage_tokens: list[list[Token]] = []
        self._pairs: list[frozenset[tuple[str, str]]] = []
        for number, found in enumerate(passages):
            units = list(_units(number, found, documents[found.stored.revision.id]))
            all_tokens = [token for unit in units for token in unit.tokens]
            headings = (found.stored.revision.title, *found.stored.passage.section_path)
            lines = [all_tokens, *(tokens(heading) for heading in headings)]
            self.units += units
            self.passage_tokens.append(all_tokens)
            self._pairs.append(
                frozenset((first.form, second.form) for line in lines for first, second in pairwise(line))
            )
        self._frequency = Counter(word for unit in self.units for word in unit.content)
        self._topics = [
            frozenset(
                word
                for unit in self.units
                if unit.passage == number
                for word in (unit.context if unit.form in (Form.ROW, Form.LINE) else unit.content | unit.context)
            )
            for number in range(len(passages))
        ]
        self.words = frozenset(word for unit in self.units for word in unit.content | unit.context)
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

    def topics(self, passage: int) -> frozenset[str]:
        """All content words of a passage's sentences and headings, without those of rows and preformatted lines."""
        return self._topics[passage]

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
                    if position > 0 and unit.form is not Form.HEADING:
                        inside.add(key(token))
                elif token.kind is Kind.WORD:
                    small.add(key(token))
        return frozenset(inside - small)


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a passage with the header of the table or columns in which it stands."""

    form: Form
    span: Span
    text: str
    tokens: tuple[Token, ...]
    content: frozenset[str]
    header: frozenset[str]


def _units(number: int, found: RetrievedPassage, document: Document) -> Iterator[Unit]:
    passage = found.stored.passage
    title = found.stored.revision.title
    parts = list(_parts(passage.text, passage.lead_in))
    first_token = 0
    introduction: frozenset[str] = frozenset()
    for index, part in enumerate(parts):
        span = Span(passage.span.start + part.span.start, passage.span.start + part.span.end)
        headings = "\n".join((title, *document.section_path_at(span.start)))
        if part.text.endswith(":"):
            introduction = part.content
        elif part.form in (Form.SENTENCE, Form.HEADING):
            introduction = frozenset()
        context = part.header | frozenset(content_stems(headings))
        if part.form is not Form.SENTENCE:
            context |= introduction
        if index and part.tokens and part.tokens[0].form in _REFERS_BACK:
            context |= parts[index - 1].content
        yield Unit(
            passage=number,
            index=index,
            form=part.form,
            span=span,
            first_token=first_token,
            tokens=part.tokens,
            content=part.content,
            context=context,
            around=_around(parts, index),
            measures=measures(part.tokens),
            labels=frozenset(token.form for token in tokens(headings) if _is_label(token)),
            polarity=polarity(part.text, part.tokens),
        )
        first_token += len(part.tokens)


def _parts(text: str, lead_in: str) -> Iterator[_Part]:
    header = frozenset(content_stems(lead_in))
    for piece in pieces(text):
        words = piece.of(text)
        if is_row(words):
            if is_delimiter_row(words.splitlines()[-1]):
                header = frozenset(content_stems(words))
            yield _part(Form.ROW, piece, words, header)
        elif _FENCE.match(words):
            yield from _lines(piece, words)
        elif _HEADING.match(words):
            yield _part(Form.HEADING, piece, words)
        else:
            yield _part(Form.ITEM if _LIST_ITEM.match(words) else Form.SENTENCE, piece, words)


def _lines(piece: Span, block: str) -> Iterator[_Part]:
    """The lines of preformatted text, in which columns may stand under a first line that names them."""
    header: frozenset[str] | None = None
    position = piece.start
    for line in block.splitlines(keepends=True):
        start, position = position, position + len(line)
        stripped = line.strip()
        if not stripped or _FENCE.match(line):
            continue
        start += len(line) - len(line.lstrip())
        part = _part(Form.LINE, Span(start, start + len(stripped)), stripped, header or frozenset())
        header = part.content if header is None else header
        yield part


def _part(form: Form, span: Span, text: str, header: frozenset[str] = frozenset()) -> _Part:
    found = tuple(tokens(text))
    return _Part(form, span, text, found, frozenset(stems(found)), header)


def _around(parts: Sequence[_Part], index: int) -> frozenset[str]:
    """Content of two sentences before and one after; a row stands for itself."""
    prose = (Form.SENTENCE, Form.ITEM)
    if parts[index].form not in prose:
        return frozenset()
    near = [*parts[max(0, index - 2) : index], *parts[index + 1 : index + 2]]
    return frozenset(word for part in near if part.form in prose for word in part.content)


def _is_label(token: Token) -> bool:
    """Whether a number in a heading can be a name: a version or year, not the count of a chapter."""
    return token.kind is Kind.NUMBER and ("." in token.surface or len(token.surface) > 2)
