"""Negation: what a text denies, so that "is approved" is never taken for "is not approved"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qa.words import Token, key, word_set

_NEGATIONS = word_set(
    """
    not no never cannot neither nor none nothing without
    """
)
# "No more than 5" sets a limit and denies nothing.
_COMPARISONS = word_set(
    """
    more less longer later fewer greater higher lower larger only earlier sooner
    """
)
_CLAUSE_BREAK = re.compile(r"[,;:.!?()|\n—]|\b(?:but|however|although|while|whereas|unless|until|because|and)\b")
_SCOPE = 3
_AUXILIARIES = word_set("is are was were be must can may will shall should has have does do cannot")
# Words that deny by themselves, as keys: "is refused" may be told as "is not accepted".
_DENYING = word_set(
    """
    refus forbid prohib reject declin deny block exclud ignor drop lack miss fail imposs invali unable unsup
    unava unauth unless except only instea rather stop avoid prevent disall illega
    """
)


@dataclass(frozen=True, slots=True)
class Polarity:
    """``denied`` holds the keys of the words in each negation's reach; ``affirmed`` counts all other content words."""

    denied: tuple[tuple[str, ...], ...]
    affirmed: Mapping[str, int]

    @property
    def all_denied(self) -> frozenset[str]:
        """Keys under any negation."""
        return frozenset(word for scope in self.denied for word in scope)

    def denies(self, claim: Polarity, scope: Sequence[str]) -> bool:
        """Whether this text may say in other words that the ``scope`` of a claim is not so.

        "Not approved for glycol" denies that "glycol is allowed"; "is refused" that it "is accepted".
        """
        said = claim.all_denied | claim.affirmed.keys()
        if not said.isdisjoint(self.all_denied):
            return True
        refuses = any(word.startswith(tuple(_DENYING)) for word in self.affirmed)
        return refuses and any(word in self.affirmed for word in scope)


def polarity(text: str, tokens: Sequence[Token]) -> Polarity:
    """What ``text``, whose tokens these are, denies and what it affirms."""
    denied: list[tuple[str, ...]] = []
    reached: set[int] = set()
    for position in range(len(tokens)):
        if not _negates(text, tokens, position):
            continue
        scope = _scope_after(text, tokens, position) or _scope_before(text, tokens, position)
        if scope:
            reached.update(scope)
            denied.append(tuple(key(tokens[index]) for index in scope))
    affirmed = Counter(key(token) for index, token in enumerate(tokens) if token.is_content and index not in reached)
    return Polarity(tuple(denied), affirmed)


def contradicts(claim: Polarity, evidence: Sequence[Polarity]) -> bool:
    """Whether a claim denies what the evidence does not deny, or affirms what it denies.

    A negation is compared by the first word in its reach, for that is what it turns round.
    """
    held_denied = frozenset(word for unit in evidence for word in unit.all_denied)
    held_affirmed: Counter[str] = Counter()
    for unit in evidence:
        held_affirmed.update(unit.affirmed)
    for scope in claim.denied:
        if any(word in held_denied for word in scope):
            continue
        if scope[0] in held_affirmed or not any(unit.denies(claim, scope) for unit in evidence):
            return True
    # "Stays open and cannot be opened again" affirms the word once: a claim that does so twice has lost the "not".
    heads = {scope[0] for unit in evidence for scope in unit.denied if claim.all_denied.isdisjoint(scope)}
    return any(claim.affirmed.get(head, 0) > held_affirmed[head] for head in heads)


def _negates(text: str, tokens: Sequence[Token], position: int) -> bool:
    token = tokens[position]
    if token.form not in _NEGATIONS and not token.form.endswith("n't"):
        return False
    if token.form in ("no", "not") and position + 1 < len(tokens) and tokens[position + 1].form in _COMPARISONS:
        return False  # "no more than 5" sets a limit
    following = text[token.end : token.end + 1]
    # "No, the old secret ..." answers a question; "No. 4" is a number.
    return not (token.form == "no" and following in (",", ".", ":", ";", "!", ""))


def _scope_after(text: str, tokens: Sequence[Token], position: int) -> list[int]:
    scope: list[int] = []
    end = tokens[position].end
    determiner = tokens[position].form == "without"
    for index in range(position + 1, len(tokens)):
        if _CLAUSE_BREAK.search(text, end, tokens[index].start) or tokens[index].form in ("and", "but", "until"):
            break
        end = tokens[index].end
        if determiner and tokens[index].form in _AUXILIARIES:
            break  # "without its seal must be returned" says nothing against returning
        if tokens[index].is_content:
            scope.append(index)
        if len(scope) == _SCOPE:
            break
    return scope


def _scope_before(text: str, tokens: Sequence[Token], position: int) -> list[int]:
    for index in range(position - 1, -1, -1):
        if _CLAUSE_BREAK.search(text, tokens[index].end, tokens[position].start):
            break
        if tokens[index].is_content:
            return [index]
    return []
