"""When to say nothing: before generation because nothing found is near, after it because nothing said is carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qa.answer import RetrievedPassage, Sentence, SentenceStatus
from qa.refusal import is_refusal
from qa.words import content_stems

NOTHING_NEAR = "The documents do not seem to hold an answer to this question."
NO_DOCUMENTS = "There are no documents in this collection yet, so there is nothing to answer from."


@dataclass(frozen=True, slots=True)
class AbstentionConfig:
    """When nothing found is near enough to be worth a generation.

    A question is refused when the best cosine is below ``min_similarity`` *and* the passages hold less than
    ``min_coverage`` of its content words. Both must fail: a wrong refusal costs more than a near miss that the
    model is then asked to judge.
    """

    min_similarity: float = 0.25
    min_coverage: float = 0.5


def nothing_near(question: str, passages: Sequence[RetrievedPassage], config: AbstentionConfig) -> bool:
    """Whether ``passages`` are too far from ``question`` to answer it."""
    best = max((found.similarity for found in passages if found.similarity is not None), default=-1.0)
    return best < config.min_similarity and coverage(question, passages) < config.min_coverage


def coverage(question: str, passages: Sequence[RetrievedPassage]) -> float:
    """Share of the question's distinct content words that stand in some passage, its title or its section path."""
    asked = set(content_stems(question))
    if not asked:
        return 0.0
    held: set[str] = set()
    for found in passages:
        passage = found.stored.passage
        held.update(content_stems(" ".join((found.stored.revision.title, *passage.section_path, passage.text))))
    return len(asked & held) / len(asked)


def nothing_carried(sentences: Sequence[Sentence]) -> bool:
    """Whether the answer holds no sentence that the documents carry, refusals aside."""
    return not any(
        sentence.status is not SentenceStatus.UNSUPPORTED and not is_refusal(sentence.text) for sentence in sentences
    )
