"""What a question asks, in a form in which two questions can be compared word by word.

Vectors of meaning can't tell questions apart that differ in one decisive word: "during" and "after probation", "may"
and "may not", HB-423 and HB-424 have cosines of 0.98. So two questions are the same only if they speak of the same
things, limit and deny the same, and ask alike; only the words of asking may differ. English, like `qa.words`: words of
other languages all count as content, so that less is taken for the same there, not more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from qa.words import Kind, Token, key, tokens, word_set


class Asks(Enum):
    """What a question wants to know."""

    WHAT = auto()
    WHO = auto()
    WHEN = auto()
    WHERE = auto()
    WHY = auto()
    HOW = auto()
    HOW_LONG = auto()
    HOW_OFTEN = auto()
    HOW_MANY = auto()
    HOW_MUCH = auto()
    WHETHER = auto()
    OPEN = auto()


class Modality(Enum):
    """Whether it asks for what has to be or for what can be."""

    MUST = auto()
    MAY = auto()


@dataclass(frozen=True, slots=True)
class Wording:
    """A question's words. ``turns`` are those that turn its sense, each with the content word in its reach.

    ``fixed`` are numbers and codes in their order; ``origins`` what it says "from" of.
    """

    content: frozenset[str]
    fixed: tuple[str, ...]
    turns: frozenset[tuple[str, str]]
    origins: frozenset[str]
    asks: Asks
    modality: Modality | None

    def same_as(self, other: Wording) -> bool:
        """Whether the two ask the same as far as words can tell. Symmetric; never true without a content word."""
        return (
            bool(self.content)
            and self.content == other.content
            and self.fixed == other.fixed
            and self.turns == other.turns
            and (not self.origins or not other.origins or not self.origins.isdisjoint(other.origins))
            and _asks_alike(self.asks, other.asks)
            and self._same_modality(other)
        )

    def _same_modality(self, other: Wording) -> bool:
        if self.asks in _MODAL and other.asks in _MODAL:
            return self.modality is other.modality
        return self.modality is None or other.modality is None or self.modality is other.modality


def wording(question: str) -> Wording:
    """The wording of ``question``."""
    text = " ".join(question.replace("’", "'").split())
    for pattern, replacement in _PHRASES:
        text = pattern.sub(replacement, text)
    found = tokens(text)
    words = [_canonical(token) for token in found]
    return Wording(
        content=frozenset(word for word in words if word),
        fixed=tuple(_plain(token) for token in found if token.kind in (Kind.NUMBER, Kind.CODE)),
        turns=frozenset(_reached(found, words, _TURNS)),
        origins=frozenset(word for _, word in _reached(found, words, {"from": "from"})),
        asks=_asks(found),
        modality=_modality(found),
    )


_PHRASES = tuple(
    (re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"for how long|how much time", "how long"),
        (r"(?:at|in) (?:what|which) intervals?|how frequently|how regularly", "how often"),
        (r"what number of|which number of", "how many"),
        (r"by when|until when|at what time", "when"),
        (r"(?:up to (?:what|which)|at most|at maximum) (?=\w)", "what maximum "),
        (r"at (?:most|maximum)$", "maximum"),
        (r"(?:turn|switch)(?:ed|ing)? on(?! the)", "enable"),
        (r"(?:turn|switch)(?:ed|ing)? off(?! the)", "disable"),
        (r"(?:roll|rolling|rolled) back", "rollback"),
        (r"(?:log|sign|logging|signing)[ -](?:in|on)", "login"),
        (r"in order to", "to"),
    )
)
_SAME = {
    key(token): key(tokens(group.split()[0])[0])
    for group in (
        "maximum highest biggest largest greatest longest max most",
        "minimum lowest smallest least min",
        "cost price charge fee charged costs",
        "ill sick illness sickness",
        "leave vacation holiday holidays",
        "see look view",
        "replace change swap exchange",
        "delete remove erase",
        "begin start",
        "end finish",
        "valid validity last",
        "keep kept store stored",
        "take taken took",
        "send sent",
        "phone telephone",
        "revision rev",
        "firmware fw",
        "documentation docs",
    )
    for token in tokens(group)
}
_ASKING = frozenset(
    key(token)
    for token in tokens(
        """need needed require required requirement necessary allow allowed permit permitted possible should long often
        make apply want like know please tell explain question"""
    )
)
_NEGATIONS = word_set("not no never cannot neither nor none without")
_LIMITS = word_set("before after during except unless only above below under more less instead since")
_TURNS = {
    **dict.fromkeys(_NEGATIONS, "not"),
    **{word: word for word in _LIMITS},
}
_NECESSARY = word_set("must should need needs needed require required necessary shall")
_PERMITTED = word_set("may can could might allow allowed permit permitted possible able")
_WORDS = {
    "who": Asks.WHO,
    "whom": Asks.WHO,
    "whose": Asks.WHO,
    "where": Asks.WHERE,
    "why": Asks.WHY,
    "what": Asks.WHAT,
    "what's": Asks.WHAT,
    "which": Asks.WHAT,
    "who's": Asks.WHO,
}
_HOW = {"long": Asks.HOW_LONG, "often": Asks.HOW_OFTEN, "many": Asks.HOW_MANY, "much": Asks.HOW_MUCH}
_BEGINS_WHETHER = word_set(
    "is are was were do does did can could may might must shall should will would has have am isn't aren't don't "
    "doesn't can't couldn't mustn't shouldn't won't"
)
_MODAL = (Asks.WHETHER, Asks.WHO)
# "What is the validity" asks what "how long is it valid" asks; whoever writes no question asks anything.
_WHAT = (Asks.WHAT, Asks.OPEN, Asks.HOW_LONG, Asks.HOW_MANY, Asks.HOW_MUCH, Asks.HOW_OFTEN)


def _asks_alike(first: Asks, second: Asks) -> bool:
    if first is second:
        return True
    pair = {first, second}
    return not pair.isdisjoint((Asks.WHAT, Asks.OPEN)) and pair <= set(_WHAT)


def _plain(token: Token) -> str:
    return token.form.removesuffix("'s")


def _canonical(token: Token) -> str | None:
    """The word's content, the same for words that may stand for each other; None if it has none."""
    if token.kind in (Kind.NUMBER, Kind.CODE):
        return _plain(token)
    word = key(token)
    if not token.is_content or word in _ASKING or token.form in _TURNS:
        return None
    return _SAME.get(word, word)


def _reached(found: Sequence[Token], words: Sequence[str | None], which: dict[str, str]) -> list[tuple[str, str]]:
    """Each of the words ``which`` (or their canonical form) with the next content word, or the last one before it."""
    pairs = []
    for position, token in enumerate(found):
        turn = "not" if token.form.endswith("n't") and "not" in which else which.get(token.form)
        if turn is None:
            continue
        after = next((word for word in words[position + 1 :] if word), None)
        before = next((word for word in reversed(words[:position]) if word), "")
        pairs.append((turn, after or before))
    return pairs


def _asks(found: Sequence[Token]) -> Asks:
    for position, token in enumerate(found):
        if token.form in ("how", "how's"):
            following = found[position + 1].form if position + 1 < len(found) else ""
            return _HOW.get(following, Asks.HOW)
        if token.form in _WORDS:
            return _WORDS[token.form]
    if any(token.form == "when" for token in found):  # Beside another word it is "if".
        return Asks.WHEN
    return Asks.WHETHER if any(token.form in _BEGINS_WHETHER for token in found[:8]) else Asks.OPEN


def _modality(found: Sequence[Token]) -> Modality | None:
    forms = [token.form.removesuffix("n't") for token in found]
    if any(form in _NECESSARY for form in forms) or ("to" in forms and ("have" in forms or "has" in forms)):
        return Modality.MUST
    return Modality.MAY if any(form in _PERMITTED or form == "ca" for form in forms) else None
