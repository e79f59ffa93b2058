"""How far the evidence carries a claim, and which of its units do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qa.alignment import Run, RunFinder, covered
from qa.answer import SentenceStatus
from qa.claims import Claim
from qa.evidence import Evidence, Form, Unit
from qa.measures import measure_at, states, unit_positions
from qa.polarity import contradicts
from qa.words import Kind, Token, key, word_set

# A quotation: at most two runs of at least four tokens hold this share of the content; what is left is in the
# quoted units or goes without saying there.
QUOTED_RUNS = 2
QUOTED_MIN_RUN = 4
QUOTED_SHARE = 0.8

# Support by content: share of the claim's weighted content words in the cited units and what goes without saying
# there, and in the units themselves.
SUPPORT_SHARE = 0.5
SUPPORT_OWN_SHARE = 0.25
MAX_UNITS = 4
# A further unit is cited for at least this share of the claim.
MIN_GAIN = 0.2

# A number or code counts as found only beside the words that stand beside it in the claim.
WITNESS_WINDOW = 6
WITNESS_SHARE = 0.4

# What a word that the question has used already weighs in an answer.
ASKED_SHARE = 0.5

_LABELS = word_set(
    """
    firmware revision version release step chapter section table level class size model part
    """
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status of a claim and the units that carry it, the most important first; none when unsupported."""

    status: SentenceStatus
    units: tuple[Unit, ...]


UNSUPPORTED = Verdict(SentenceStatus.UNSUPPORTED, ())


class Judge:
    """Holds claims against one answer's evidence. ``asked`` are the question's content words."""

    def __init__(self, evidence: Evidence, asked: frozenset[str]) -> None:
        self._evidence = evidence
        self._asked = asked
        self._runs = RunFinder(evidence.passage_tokens)

    def verdict(self, claim: Claim) -> Verdict:
        """Quoted, supported or unsupported, and by what."""
        claim = self._without_wording_of_the_question(claim)
        if claim.is_refusal or not claim.content:
            return UNSUPPORTED
        runs = self._runs.best_runs(claim.tokens, QUOTED_RUNS, QUOTED_MIN_RUN)
        quoted = self._units_of(runs)
        is_quoted = self._is_quoted(claim, runs, quoted)
        cited = quoted if is_quoted else self._cover(claim)
        witnesses = self._witnesses(claim, runs, cited)
        if witnesses is None:
            return UNSUPPORTED
        # What holds a number or code is always cited, whatever else there is no room for.
        others = [unit for unit in cited if unit not in witnesses][: max(0, MAX_UNITS - len(witnesses))]
        units = [unit for unit in _distinct([*cited, *witnesses]) if unit in witnesses or unit in others]
        if not units or contradicts(claim.polarity, [u.polarity for u in units]):
            return UNSUPPORTED
        if is_quoted:
            return Verdict(SentenceStatus.QUOTED, tuple(units))
        if self._is_supported(claim, units):
            return Verdict(SentenceStatus.SUPPORTED, tuple(units))
        return UNSUPPORTED

    def _without_wording_of_the_question(self, claim: Claim) -> Claim:
        """Leave out words that an answer takes from the question and the documents never use.

        "How long may it take?" is answered by "It may take 10 seconds", while the document says "within 10
        seconds". Numbers, codes and names are claimed all the same, whoever said them first.
        """
        content = tuple(
            position
            for position in claim.content
            if claim.tokens[position].kind is not Kind.WORD
            or key(claim.tokens[position]) not in self._asked - self._evidence.words
        )
        return replace(claim, content=content)

    def _units_of(self, runs: Sequence[Run]) -> list[Unit]:
        touched = [unit for run in runs for unit in self._evidence.units_of(run.text, run.at, run.at + run.length)]
        return _distinct(touched)

    def _is_quoted(self, claim: Claim, runs: Sequence[Run], units: Sequence[Unit]) -> bool:
        if not runs:
            return False
        in_runs = covered(runs)
        left = [position for position in claim.content if position not in in_runs]
        if len(left) > (1 - QUOTED_SHARE) * len(claim.content):
            return False
        if any(claim.tokens[position].kind is not Kind.WORD for position in left):
            return False
        return all(any(unit.share(key(claim.tokens[position])) for unit in units) for position in left)

    def _cover(self, claim: Claim) -> list[Unit]:
        """Units that together hold as much of the claim as possible, each of them for a reason."""
        words = _words(claim)
        total = self._weight(words)
        missing = set(words)
        chosen: list[Unit] = []
        while missing and len(chosen) < MAX_UNITS - 1:
            best = max(self._candidates(), key=lambda unit: self._gain(unit, missing), default=None)
            if best is None or self._weight(missing & best.content) < MIN_GAIN * total:
                break
            chosen.append(best)
            missing -= best.content | best.context
        return chosen

    def _candidates(self) -> list[Unit]:
        return [unit for unit in self._evidence.units if unit.form is not Form.HEADING]

    def _gain(self, unit: Unit, missing: set[str]) -> tuple[float, int, int]:
        own = self._weight(missing & unit.content)
        return 0.5 * own + 0.5 * self._held(missing, [unit]) + self._asked_bonus(unit), -unit.passage, -unit.index

    def _witnesses(self, claim: Claim, runs: Sequence[Run], cited: Sequence[Unit]) -> list[Unit] | None:
        """A unit for each number, code and name of the claim; None when one of them has none."""
        found: list[Unit] = []
        for position in self._strict(claim):
            around = self._units_of([run for run in runs if run.start <= position < run.end])
            exact = [unit for unit in around if _states(unit, claim.tokens, position)]
            if exact:
                found += exact
            elif not (
                self._is_label(claim.tokens, position, cited) or self._is_spoken_of(claim.tokens[position], cited)
            ):
                witness = self._witness(claim, position, cited)
                if witness is None:
                    return None
                found.append(witness)
        return _distinct(found)

    def _strict(self, claim: Claim) -> list[int]:
        """Positions of what must not be approximated."""
        strict = {position for position in claim.content if claim.tokens[position].kind is not Kind.WORD}
        strict.update(claim.names)
        if claim.opening is not None and key(claim.tokens[claim.opening]) in self._evidence.names:
            strict.add(claim.opening)
        return sorted(strict)

    def _is_label(self, tokens: Sequence[Token], position: int, cited: Sequence[Unit]) -> bool:
        """Whether the number is part of a name ("Corvo 200", "firmware 3.1") that the cited passages use."""
        if position == 0 or tokens[position].kind is not Kind.NUMBER:
            return False
        before, number = tokens[position - 1], tokens[position]
        if before.form not in _LABELS and not before.surface[0].isupper():
            return False
        return any(self._evidence.names_together(unit, before.form, number.form) for unit in cited)

    def _is_spoken_of(self, token: Token, cited: Sequence[Unit]) -> bool:
        """Whether the text around the cited units is about the name. Each row of a table is about another thing."""
        return token.kind is Kind.WORD and any(key(token) in self._evidence.topics(unit.passage) for unit in cited)

    def _witness(self, claim: Claim, position: int, cited: Sequence[Unit]) -> Unit | None:
        if position not in claim.content:
            return None  # in "According to the Kestrel manual, ..." nothing is said beside the name
        near = self._near(claim, position)
        total = self._weight(near)
        anchors = _anchors(claim, position)
        best: Unit | None = None
        best_value = (-1.0, 0, 0, 0)
        for unit in self._candidates():
            if not _states(unit, claim.tokens, position):
                continue
            if anchors and not any(unit.share(anchor) == 1.0 for anchor in anchors):
                continue
            held = self._held(near, [unit])
            if held < WITNESS_SHARE * total or self._is_empty_shell(unit, near):
                continue
            value = (held + self._asked_bonus(unit), int(unit in cited), -unit.passage, -unit.index)
            if value > best_value:
                best, best_value = unit, value
        return best

    def _is_empty_shell(self, unit: Unit, near: set[str]) -> bool:
        """Whether only the unit's headings speak of the claim: any number under them would do."""
        return bool(near) and (near | self._asked).isdisjoint(unit.content | unit.around)

    def _near(self, claim: Claim, position: int) -> set[str]:
        place = claim.content.index(position)
        around = claim.content[max(0, place - WITNESS_WINDOW) : place + WITNESS_WINDOW + 1]
        # Other numbers have witnesses of their own, and units are part of theirs.
        apart = {position, *unit_positions(claim.tokens)}
        return {
            key(claim.tokens[other])
            for other in around
            if other not in apart and claim.tokens[other].kind is not Kind.NUMBER
        }

    def _is_supported(self, claim: Claim, units: Sequence[Unit]) -> bool:
        words = _words(claim)
        total = self._weight(words)
        held = self._held(words, units)
        own = self._weight({word for word in words if any(word in unit.content for unit in units)})
        return held >= SUPPORT_SHARE * total and own >= SUPPORT_OWN_SHARE * total

    def _held(self, words: set[str], units: Sequence[Unit]) -> float:
        """Weight of the words as far as the units hold them."""
        return sum(self._value(word) * max(unit.share(word) for unit in units) for word in words)

    def _asked_bonus(self, unit: Unit) -> float:
        """Little, but enough to prefer one of two equal places."""
        return 0.05 * sum(self._evidence.weight(word) * unit.share(word) for word in self._asked)

    def _weight(self, words: set[str]) -> float:
        return sum(map(self._value, words))

    def _value(self, word: str) -> float:
        """What a word of the claim weighs; the question's words frame the claim more than they are claimed."""
        return self._evidence.weight(word) * (ASKED_SHARE if word in self._asked else 1.0)


def _words(claim: Claim) -> set[str]:
    return {key(claim.tokens[position]) for position in claim.content}


def _states(unit: Unit, tokens: Sequence[Token], position: int) -> bool:
    token = tokens[position]
    if token.kind is not Kind.NUMBER:
        return unit.share(key(token)) == 1.0
    measure = measure_at(tokens, position)
    unit_may_lack = unit.form in (Form.ROW, Form.LINE)
    return states(unit.measures, measure, unit_may_lack=unit_may_lack) or (
        measure.unit is None and token.form in unit.labels
    )


def _anchors(claim: Claim, position: int) -> list[str]:
    """The codes that stand nearest before and after a number: it belongs to one of them."""
    if claim.tokens[position].kind is not Kind.NUMBER:
        return []
    codes = [other for other in claim.content if claim.tokens[other].kind is Kind.CODE]
    before = [other for other in codes if other < position][-1:]
    after = [other for other in codes if other > position][:1]
    return [claim.tokens[other].form for other in before + after]


def _distinct(units: Sequence[Unit]) -> list[Unit]:
    return list({(unit.passage, unit.index): unit for unit in units}.values())
