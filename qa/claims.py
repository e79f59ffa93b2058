"""What an answer claims: its sentences, without the remarks that a model makes about its sources."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.document import Span
from qa.polarity import Polarity, polarity
from qa.refusal import is_refusal
from qa.sentences import pieces
from qa.words import FUNCTION_WORDS, Kind, Token, key, tokens, word_set

# References a model writes of its own accord. They are no content: citations are computed.
_REFERENCE = re.compile(
    r"\[\s*(?:passages?\s*)?\d{1,2}(?:\s*[,;–-]\s*\d{1,2})*\s*\]"
    r"|\(\s*(?:see\s+|from\s+)?(?:passages?|sources?)\s*:?\s*\d{1,2}(?:\s*(?:,|and|&|–|-)\s*\d{1,2})*\s*\)"
    r"|\b(?:passages?|sources?)\s+(?:number\s+)?\d{1,2}(?:\s*(?:,|and|&|–|-)\s*\d{1,2})*\b"
    r"|</?passage\b[^>\n]*>",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"\s*(?:[-*+•]\s+|\d{1,3}[.)]\s+)?(?:yes|no|according to|based on|per"
    r"|as (?:stated|described|mentioned|specified|per)|in (?:section|chapter))\b[^,:.]{0,120}[,:]",
    re.IGNORECASE,
)
_LIST_MARKER = re.compile(r"\s*(?:[-*+•–]|\(?\d{1,3}[.)]|\(?[a-z][.)])(?=\s)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
# Words about answers and documents as such, by key.
_REMARKS = word_set(
    """
    accord answer questi passag docume manual guide section chapte text say said stat mentio follow provid inform
    descri indica based refer sourc note sure below above listed list detail specif explai step
    """
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer at ``span``.

    ``content`` are the positions of the tokens to be found in the documents; ``names`` those of capitalised
    words inside the sentence; ``opening`` that of its first word, which is capitalised in any case. A refusal is
    a claim about the documents as such, which no place in them can carry.
    """

    span: Span
    text: str
    tokens: tuple[Token, ...]
    content: tuple[int, ...]
    names: tuple[int, ...]
    opening: int | None
    polarity: Polarity
    is_refusal: bool


def claims(answer: str) -> tuple[Claim, ...]:
    """The claims of ``answer``: in order, disjoint, nothing visible left out.

    What says nothing by itself ("Yes.", a rule, "Here are the steps:") is part of what follows it.
    """
    return tuple(_claim(answer, span) for span in _joined(answer))


def _joined(answer: str) -> list[Span]:
    spans: list[Span] = []
    begin: int | None = None
    for piece in pieces(answer):
        begin = piece.start if begin is None else begin
        claim = _claim(answer, piece)
        if claim.content or claim.is_refusal:
            spans.append(Span(begin, piece.end))
            begin = None
    if begin is not None:
        end = len(answer.rstrip())
        spans.append(Span(spans.pop().start if spans else begin, end))
    return spans


def _claim(answer: str, span: Span) -> Claim:
    text = span.of(answer)
    # Blanks in place of what is no content keep every offset as it is.
    plain = _blanked(_REFERENCE, text)
    marker = _LIST_MARKER.match(plain)
    if marker:
        plain = " " * marker.end() + plain[marker.end() :]
    found = tokens(plain)
    lead_in = _LEAD_IN.match(plain)
    begin = lead_in.end() if lead_in else 0
    content = tuple(
        i for i, token in enumerate(found) if token.start >= begin and token.is_content and key(token) not in _REMARKS
    )
    heading = _HEADING.match(plain) is not None
    names = () if heading else tuple(i for i, token in enumerate(found) if _is_name(plain, found, i))
    opening = next((i for i, token in enumerate(found) if token.start >= begin and token.kind is Kind.WORD), None)
    return Claim(span, plain, tuple(found), content, names, opening, polarity(plain, found), is_refusal(plain))


def _is_name(text: str, found: list[Token], position: int) -> bool:
    token = found[position]
    if token.kind is not Kind.WORD or token.form in FUNCTION_WORDS or not token.surface[0].isupper():
        return False
    if len(token.surface) > 1 and token.surface.isupper():
        return True
    before = text[found[position - 1].end if position else 0 : token.start]
    # A capital after a full stop, a colon, a cell's border or at the beginning is spelling, not a name.
    return position > 0 and re.search(r"[.!?:|\n\"“]", before) is None and key(token) not in _REMARKS


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: re.sub(r"\S", " ", match.group()), text)
