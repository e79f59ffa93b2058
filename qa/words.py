"""Words, numbers and codes of a text, in forms that can be compared.

Small and English: it decides what counts as the same word when an answer is held against the documents, and what
in a question says something about its subject.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto


def word_set(words: str) -> frozenset[str]:
    """The words of a list that is written with blanks between them."""
    return frozenset(words.split())


class Kind(Enum):
    """What a token is. Numbers and codes must never be approximated; words may be."""

    WORD = auto()
    NUMBER = auto()
    CODE = auto()
    SYMBOL = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token at ``start..end`` (code points). Equal ``form`` means the same token, whatever its spelling."""

    form: str
    kind: Kind
    surface: str
    start: int
    end: int

    @property
    def is_content(self) -> bool:
        """Whether the token says something about a subject: no function word, no lone symbol."""
        return self.kind in (Kind.NUMBER, Kind.CODE) or (self.kind is Kind.WORD and self.form not in FUNCTION_WORDS)


_TOKEN = re.compile(
    r"""
      (?P<name>   [^\W\d_][^\W_]* (?:[-_.][^\W_]+)* (?:['’](?:s|t|re|ve|ll|d|m)\b)? )
    | (?P<number> (?<![\w.)\]]) [-−]\d+(?:[.,:]\d+)* | \d+(?:[.,:]\d+)* )
    | (?P<symbol> [%‰€$£°×] )
    """,
    re.VERBOSE,
)
_PART = re.compile(r"[^\W\d_]+(?:['’](?:s|t|re|ve|ll|d|m)\b)?")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_PLAIN = re.compile(r"(-?)0*(\d+)(?:[.,](\d*?)0*)?")

_NUMBER_WORDS = {
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "fifteen": "15",
    "twenty": "20",
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "ninety": "90",
    "hundred": "100",
}

_DIGIT_OR_JOINT = re.compile(r"[\d_]")

FUNCTION_WORDS = word_set(
    """
    a about across after again against all along also always am among an and any are around as at be because been
    before being both but by can can't cannot could did do does doesn't doing don't down during each either else
    ever every few for from further get gets got had has have having he her here hers him his how i if in into is
    isn't it it's its itself just let many may me might more most much must my neither no nor not of off on once one
    ones only onto or other our ours out over own per please quite rather same shall she should since so some still
    such than that that's the their theirs them then there these they this those though through thus to too under
    until up upon us very via was we were what what's when where whether which while who who's whom whose why will
    with within without would yes yet you your yours hi hello thanks thank ok okay hey
    """
)


def tokens(text: str) -> list[Token]:
    """All tokens of ``text`` in order; Markdown marks, quotes and other punctuation are none."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        surface, start = match.group(), match.start()
        if match.lastgroup == "name" and not _DIGIT_OR_JOINT.search(surface):
            # A hyphen or full stop inside letters joins words ("read-only"), not a code ("HB-423").
            found += [_word(part.group(), start + part.start()) for part in _PART.finditer(surface)]
        elif match.lastgroup == "name":
            found.append(Token(surface.lower(), Kind.CODE, surface, start, match.end()))
        elif match.lastgroup == "number":
            found.append(Token(number_form(surface), Kind.NUMBER, surface, start, match.end()))
        else:
            found.append(Token(surface, Kind.SYMBOL, surface, start, match.end()))
    return found


def number_form(surface: str) -> str:
    """One spelling for a number: 1,000 and 1000, 24.00 and 24, 03:30 and 3:30, 7,50 and 7.5 are the same."""
    digits = surface.replace("−", "-")
    if _THOUSANDS.fullmatch(digits):
        digits = digits.replace(",", "")
    plain = _PLAIN.fullmatch(digits)
    if plain:
        sign, whole, fraction = plain.groups()
        return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
    return ":".join(part.lstrip("0") or "0" for part in digits.split(":"))


def stem(form: str) -> str:
    """A word without the commonest endings, so that "opened", "opens" and "opening" are one word."""
    word = form.removesuffix("'s")
    for ending, replacement in (("ies", "y"), ("ing", ""), ("ied", "y"), ("ed", ""), ("es", ""), ("s", "")):
        base = word.removesuffix(ending)
        if (
            base != word
            and len(base) + len(replacement) >= 3
            and not (ending == "s" and base.endswith(("s", "u", "i")))
        ):
            word = base + replacement
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def content_stems(text: str) -> list[str]:
    """What a text is about: its numbers, codes and stemmed content words, in order, repeats included."""
    return stems(tokens(text))


def stems(of: Iterable[Token]) -> list[str]:
    """Comparable forms of the content tokens among ``of``."""
    return [key(token) for token in of if token.is_content]


def key(token: Token) -> str:
    """The form under which a token is compared by meaning: the beginning of a word's stem, all else as it is.

    Six letters join what endings part ("respond" and "response", "calibrate" and "calibration").
    """
    return stem(token.form)[:6] if token.kind is Kind.WORD else token.form


def _word(surface: str, start: int) -> Token:
    form = surface.lower().replace("’", "'")
    number = _NUMBER_WORDS.get(form)
    kind = Kind.WORD if number is None else Kind.NUMBER
    return Token(number or form, kind, surface, start, start + len(surface))
