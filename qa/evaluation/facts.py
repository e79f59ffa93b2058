"""Whether an answer says a fact, in whichever of its spellings.

Texts are compared as sequences of words, numbers and units, so that "5 s" is in "held for 5 seconds" and in
"hold it 5s", but neither in "15 s" nor in "5 steps". Codes are one word: "12" is not in "C-12".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_UNITS = {
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "mm": "mm millimetre millimetres",
    "cm": "cm centimetre centimetres",
    "m": "m metre metres",
    "km": "km kilometre kilometres",
    "l": "l litre litres liter liters",
    "kg": "kg kilogram kilograms",
    "w": "w watt watts",
    "kw": "kw kilowatt kilowatts",
    "v": "v volt volts",
    "a": "ampere amperes",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
    "°": "° °c degree degrees",
    "%": "% percent",
    "€": "€ eur euro euros",
}
_UNIT_OF = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings.split()}

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_ONES.split())}
_NUMBER_WORDS |= {word: str(10 * value) for value, word in enumerate(_TENS.split(), start=2)}
_NUMBER_WORDS |= {
    f"{tens}-{one}": str(10 * value + digit)
    for value, tens in enumerate(_TENS.split(), start=2)
    for digit, one in enumerate(_ONES.split()[1:10], start=1)
}

_GROUP_SPACE = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
_DASH = re.compile(r"[\u2010-\u2014\u2212]")
_MARKUP = re.compile(r"[*`\\]|\[\d+(?:\s*,\s*\d+)*\]|^[ \t]*\d{1,2}[.)](?=[ \t])", re.MULTILINE)
_PER_CENT = re.compile(r"\bper[ -]cent\b")
_AM_PM = re.compile(r"\b([ap])\.[ ]?m\b")
_TOKEN = re.compile(
    r"""
      (?P<time>\d{1,2}:\d{2}(?!\d))
    | (?P<grouped>(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w]|[.,]\d))
    | (?P<number>(?:(?<![\w)])-)?\d+(?:[.,]\d+)*)
    | (?P<code>[^\W\d_]+(?:[-_][^\W_]+)*(?:[-_]?\d[^\W_]*)(?:[-_][^\W_]+)*)
    | (?P<name>[^\W\d_]+(?:_[^\W_]+)+)
    | (?P<tens>(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)-[^\W\d_]+)
    | (?P<degree>°[ ]?[cf]\b|°)
    | (?P<word>[^\W\d_]+)
    | (?P<sign>[%€$£])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    written: str
    meaning: str


def states(answer: str, spellings: Sequence[str]) -> bool:
    """Whether ``answer`` contains at least one of the spellings of a fact."""
    said = list(_tokens(answer))
    return any(_contains(said, list(_tokens(spelling))) for spelling in spellings)


def _contains(said: Sequence[_Token], wanted: Sequence[_Token]) -> bool:
    if not wanted:
        raise ValueError("a fact of marks and spaces only cannot be looked for")
    return any(
        all(_same(said[at + i], wanted[i]) for i in range(len(wanted) - 1))
        and _same_or_longer(said[at + len(wanted) - 1], wanted[-1])
        for at in range(len(said) - len(wanted) + 1)
    )


def _same(said: _Token, wanted: _Token) -> bool:
    """A fact without a sign does not ask for one: "105" is in "-105 dBm"."""
    return wanted.meaning in (said.meaning, said.meaning.removeprefix("-"))


def _same_or_longer(said: _Token, wanted: _Token) -> bool:
    """The last word of a fact may go on: "invoice" is in "invoices", "ten met" in "ten metres"."""
    if _same(said, wanted):
        return True
    stem = wanted.written
    is_word = stem.isalpha() and stem not in _UNIT_OF and stem not in _NUMBER_WORDS
    return is_word and len(stem) >= 3 and said.written.startswith(stem)


def _tokens(text: str) -> Iterator[_Token]:
    plain = _DASH.sub("-", unicodedata.normalize("NFKC", _GROUP_SPACE.sub(",", text))).casefold()
    plain = _AM_PM.sub(r"\1m", _PER_CENT.sub("percent", _MARKUP.sub("", plain)))
    for match in _TOKEN.finditer(plain):
        written, kind = match.group(), match.lastgroup
        if kind == "time":
            yield _Token(written, written.removeprefix("0"))
        elif kind == "grouped":
            yield _Token(written, written.replace(",", ""))
        elif kind == "number":
            yield _Token(written, written.replace(",", ".").removesuffix(".00"))
        elif kind in ("code", "degree"):
            bare = written.replace("-", "").replace(" ", "")
            yield _Token(bare, _UNIT_OF.get(bare, bare))
        elif kind == "tens" and written not in _NUMBER_WORDS:
            yield from (_Token(word, _NUMBER_WORDS.get(word, word)) for word in written.split("-"))
        else:
            yield _Token(written, _NUMBER_WORDS.get(written) or _UNIT_OF.get(written, written))
