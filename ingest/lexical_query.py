"""What to look for in a full-text index when a person asks a question.

A question becomes phrases of which any may match: single words that carry meaning, and identifiers (``HB-423``,
``sp_close_month``, ``FW 3.1``) as the sequence of the words that a full-text index makes of them.
"""

from __future__ import annotations

import re
import unicodedata

MAX_PHRASES = 128

Phrase = tuple[str, ...]

_WORD = re.compile(r"[^\W_]+")
# A word, or words joined by what stands inside names and numbers but not between the words of a sentence.
_NAME = re.compile(r"[^\W_]+(?:[-_./:#+][^\W_]+)*")
_LETTER_DIGIT_BORDER = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


def words_of(text: str) -> list[str]:
    """Runs of letters and digits in order, lower-case, composed (NFC)."""
    return [word.lower() for word in _WORD.findall(unicodedata.normalize("NFC", text))]


STOP_WORDS = frozenset(
    words_of("""
    a about after again all also am an and any are as at be because been before being but by can cannot could did
    do does doing don done down during each else etc ever few for from further get gets give given go goes got had
    has have having he her here hers him his how however i if in instead into is isn it its itself just kind know
    let like ll many may maybe me might mine more most much must my need needs no nor not now of off on once one
    only onto or other our ours out over own per please re s same shall she should show since so some still such t
    tell than that the their theirs them then there these they thing things this those through to too under until
    up upon us use used using ve very want wants was way we were what when where whether which while who whom whose
    why will with within without won would yes yet you your yours
    """)
)


def phrases_of(question: str) -> list[Phrase]:
    """What to search for; empty when nothing in the question carries meaning.

    A full-text index adds up what each phrase is worth. A code such as ``HB-423`` stands twice in the list, because
    whoever asks about a code means that one and nothing near it; everything else stands once.
    """
    text = unicodedata.normalize("NFC", question)
    shouting = text.isupper()
    phrases: dict[Phrase, int] = {}
    for written in _NAME.findall(text):
        words = words_of(written)
        acronym = len(written) > 1 and written.isupper() and not shouting
        if len(words) > 1 or words[0] not in STOP_WORDS or acronym:
            for phrase, times in _spellings(written, words).items():
                phrases.setdefault(phrase, times)
    return [phrase for phrase, times in phrases.items() for _ in range(times)][:MAX_PHRASES]


def _spellings(written: str, words: list[str]) -> dict[Phrase, int]:
    """A name as it is written, otherwise spelled, and the words in it, each with how often it is to count.

    Where letters meet digits the border is drawn both ways: ``HB-423`` finds ``HB423`` and the reverse. The ``hb``
    of ``HB-423`` does not stand alone, for it is in every other code too.
    """
    digits = any(character.isdigit() for character in written)
    letters = any(character.isalpha() for character in written)
    spellings: dict[Phrase, int] = {}
    if digits and letters:
        apart = tuple(part for word in words for part in _LETTER_DIGIT_BORDER.split(word))
        spellings |= {tuple(words): 2, apart: 2, ("".join(words),): 2}
    else:
        spellings[tuple(words)] = 1
    shortest = 4 if digits else 1
    for word in words:
        if word not in STOP_WORDS and len(word) >= (2 if word.isdigit() else shortest):
            spellings.setdefault((word,), 1)
    return spellings
