"""When to say nothing: before generation because nothing found is near, after it because nothing said is carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from qa.answer import RetrievedPassage, Sentence, SentenceStatus
from qa.refusal import is_refusal
from qa.words import Kind, content_stems, tokens

NOTHING_NEAR = "The documents do not seem to hold an answer to this question."
NOT_DOCUMENTED = "The documents do not mention {codes}."
NO_DOCUMENTS = "There are no documents in this collection yet, so there is nothing to answer from."


@dataclass(frozen=True, slots=True)
class AbstentionConfig:
    """When nothing found is near enough to be worth a generation.

    A question's nearness is the best cosine among the passages plus ``coverage_weight`` times the share of its
    content words that they hold; below ``min_nearness`` it is refused. Measured on 150 answerable questions of the
    sample corpus the lowest nearness is 0.55, of those that hold no code; the threshold refuses half of the
    off-topic questions and leaves the rest to the model: a wrong refusal costs more than a near miss.
    """

    min_nearness: float = 0.5
    coverage_weight: float = 0.4


def nothing_near(question: str, passages: Sequence[RetrievedPassage], config: AbstentionConfig) -> bool:
    """Whether ``passages`` are too far from ``question`` to answer it.

    A code that a passage holds is near by itself, whatever the model of meaning makes of "P-06".
    """
    codes = _codes(question)
    if codes and any(_squeezed(code) in _held(passages) for code in codes):
        return False
    best = max((found.similarity for found in passages if found.similarity is not None), default=0.0)
    return best + config.coverage_weight * coverage(question, passages) < config.min_nearness


def undocumented_codes(question: str, passages: Sequence[RetrievedPassage]) -> tuple[str, ...]:
    """The question's codes, if the passages hold others of their families and none of them.

    With T-140 and T-142 found but not T-180, T-180 is not documented. A code without family ("MP3") says nothing.
    """
    codes = _codes(question)
    held = _held(passages)
    families = {_family(code) for code in held}
    if any(_squeezed(code) in held for code in codes):
        return ()
    return tuple(dict.fromkeys(code for code in codes if _family(_squeezed(code)) in families))


def coverage(question: str, passages: Sequence[RetrievedPassage]) -> float:
    """Share of the question's distinct content words that stand in some passage, its title or its section path."""
    asked = set(content_stems(question))
    if not asked:
        return 0.0
    held: set[str] = set()
    for found in passages:
        held.update(content_stems(_text(found)))
    return len(asked & held) / len(asked)


def nothing_carried(sentences: Sequence[Sentence]) -> bool:
    """Whether the answer holds no sentence that the documents carry, refusals aside."""
    return not any(
        sentence.status is not SentenceStatus.UNSUPPORTED and not is_refusal(sentence.text) for sentence in sentences
    )


def _text(found: RetrievedPassage) -> str:
    passage = found.stored.passage
    return "\n".join((found.stored.revision.title, *passage.section_path, passage.lead_in, passage.text))


def _codes(question: str) -> list[str]:
    return [
        token.surface for token in tokens(question) if token.kind is Kind.CODE and any(map(str.isdigit, token.form))
    ]


def _held(passages: Sequence[RetrievedPassage]) -> frozenset[str]:
    """Codes of the passages, squeezed, also those whose number stands apart ("DN 32")."""
    held: set[str] = set()
    for found in passages:
        text = _text(found)
        all_tokens = tokens(text)
        held.update(_squeezed(token.form) for token in all_tokens if token.kind is Kind.CODE)
        held.update(
            _squeezed(first.form + second.form)
            for first, second in pairwise(all_tokens)
            if second.kind is Kind.NUMBER and text[first.end : second.start] in ("", " ", "-")
        )
    return frozenset(held)


def _squeezed(code: str) -> str:
    """HB-423, hb423 and HB_423 are one code."""
    return "".join(filter(str.isalnum, code.lower()))


def _family(squeezed: str) -> str:
    return squeezed.rstrip("0123456789")
