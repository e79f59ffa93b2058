"""Follow-up questions: what to search for when the question alone does not say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.scope import NOW, Scope
from qa.answer import RetrievedPassage, Turn
from qa.fusion import Scores, fuse, least
from qa.retriever import ATTEMPTS, Retriever
from qa.words import content_stems

FEW_CONTENT_WORDS = 3
# What a follow-up by itself weighs beside the one with its forerunners: enough to win a tie.
ALONE_WEIGHT = 0.25

_REFERS_BACK = re.compile(
    r"^(?:ok(?:ay)?\b|and\b|but\b|or\b|so\b|also\b|then\b|what about\b|how about\b|what if\b)"
    r"|\b(?:it|its|they|them|their|theirs|that|this|those|these|he|she|his|her|one|ones|same|there|former|latter"
    r"|instead|otherwise|else|afterwards)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Query:
    """A text to search for, and what its ranking weighs."""

    text: str
    weight: float


def leans_on_history(question: str) -> bool:
    """Whether a question can only be understood after the ones before it."""
    return _REFERS_BACK.search(question.strip()) is not None or len(set(content_stems(question))) < FEW_CONTENT_WORDS


def queries(question: str, history: Sequence[Turn]) -> tuple[Query, ...]:
    """What to search for: the question, before it for a follow-up the question with its forerunners in front.

    The first query is the question as it is to be understood.

    Forerunners are taken back to the last question that stands on its own, two at most. The earlier answers are
    left out: what was once answered wrongly must not decide what is found next.
    """
    if not history or not leans_on_history(question):
        return (Query(question, 1.0),)
    forerunners: list[str] = []
    for turn in reversed(history[-2:]):
        forerunners.insert(0, turn.question.strip())
        if not leans_on_history(turn.question):
            break
    return (Query(" ".join([*forerunners, question]), 1.0), Query(question, ALONE_WEIGHT))


def retrieve_in_context(
    retriever: Retriever, question: str, history: Sequence[Turn], collection: str, k: int, scope: Scope = NOW
) -> tuple[RetrievedPassage, ...]:
    """The passages for a question in its conversation, at most ``k``, best first."""
    return retrieve_all(retriever, queries(question, history), collection, k, scope)


def retrieve_all(
    retriever: Retriever, asked: Sequence[Query], collection: str, k: int, scope: Scope = NOW
) -> tuple[RetrievedPassage, ...]:
    """The passages that one question's queries find together, at most ``k``, best first; no two revisions mixed."""
    if len(asked) == 1:
        return tuple(retriever.retrieve(asked[0].text, collection, k, scope))
    for _ in range(ATTEMPTS):
        # Deeper lists than what is wanted, so that a passage that both searches know can win over both firsts.
        results = [retriever.retrieve(query.text, collection, 4 * k, scope) for query in asked]
        if not _mixed(results):
            break
    found_by = [{found.stored.id: found.score for found in result} for result in results]
    fused = fuse(
        [Scores(scores, query.weight, missing=least(scores)) for scores, query in zip(found_by, asked, strict=True)]
    )
    by_id: dict[str, RetrievedPassage] = {}
    for result in results:
        for found in result:
            by_id[found.stored.id] = _joined(by_id.get(found.stored.id), found)
    return tuple(replace(by_id[item], score=score, rank=rank) for rank, (item, score) in enumerate(fused[:k], start=1))


def _mixed(results: Sequence[Sequence[RetrievedPassage]]) -> bool:
    """Whether a document was replaced between the searches."""
    revisions = {found.stored.revision.id: found.stored.revision.document_id for result in results for found in result}
    return len(set(revisions.values())) < len(revisions)


def _joined(first: RetrievedPassage | None, second: RetrievedPassage) -> RetrievedPassage:
    if first is None:
        return second
    return replace(
        first,
        similarity=_greater(first.similarity, second.similarity),
        lexical=_greater(first.lexical, second.lexical),
        copies=max(first.copies, second.copies, key=len),
    )


def _greater(first: float | None, second: float | None) -> float | None:
    known = [value for value in (first, second) if value is not None]
    return max(known, default=None)
