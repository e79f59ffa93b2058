"""How well retrieval finds the passages that hold the answers: recall, nDCG and mean reciprocal rank.

Two levels. *Passage*: the retrieved passage shares characters with the gold quote. *Section*: it shares characters
with the section in which the gold quote stands. Each gold quote counts once, at the rank of the first passage that
hits it. Unanswerable questions have no gold and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ingest.document import Span
from qa.answer import RetrievedPassage
from qa.evaluation.gold import GoldSpan
from qa.evaluation.kinds import QuestionKind
from qa.evaluation.questions import GoldQuestion

DEPTH = 10
CUTOFFS = (1, 5, DEPTH)


@dataclass(frozen=True, slots=True)
class Ranks:
    """For each gold quote of a question, the rank (from 1) of the first passage that hits it; None: not found."""

    passage: tuple[int | None, ...]
    section: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class RankedQuestion:
    """A question with what retrieval made of it; ``sources`` names what was retrieved, best first."""

    id: str
    kind: QuestionKind
    tags: tuple[str, ...]
    ranks: Ranks
    sources: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class RankingScore:
    """Means over questions. ``recall[k]`` is the share of a question's gold quotes hit by the first k passages."""

    recall: Mapping[int, float]
    ndcg: float
    mrr: float


@dataclass(frozen=True, slots=True)
class RetrievalScore:
    """Both levels over the same questions."""

    questions: int
    passage: RankingScore
    section: RankingScore


@dataclass(frozen=True, slots=True)
class RetrievalReport:
    """All questions together, by kind and by tag, and each by itself."""

    overall: RetrievalScore
    by_kind: Mapping[str, RetrievalScore]
    by_tag: Mapping[str, RetrievalScore]
    questions: tuple[RankedQuestion, ...]


Find = Callable[[GoldQuestion], Sequence[RetrievedPassage]]


def rank_questions(
    questions: Iterable[GoldQuestion], golds: Mapping[str, Sequence[GoldSpan]], find: Find
) -> Iterator[RankedQuestion]:
    """Retrieve for each answerable question, in order; ``golds`` by question id."""
    for question in questions:
        if question.answerable:
            retrieved = find(question)[:DEPTH]
            yield RankedQuestion(
                question.id,
                question.kind,
                question.tags,
                ranks_of(golds[question.id], retrieved),
                tuple((hit.stored.revision.source, hit.stored.passage.section_path) for hit in retrieved),
            )


def ranks_of(golds: Sequence[GoldSpan], retrieved: Sequence[RetrievedPassage]) -> Ranks:
    """Where in ``retrieved`` (best first) each gold quote is hit, at both levels."""
    return Ranks(
        passage=tuple(_first_hit([(p.source, p.span) for p in gold.places], retrieved) for gold in golds),
        section=tuple(_first_hit([(p.source, p.section) for p in gold.places], retrieved) for gold in golds),
    )


def _first_hit(places: Sequence[tuple[str, Span]], retrieved: Sequence[RetrievedPassage]) -> int | None:
    for rank, hit in enumerate(retrieved, start=1):
        found, at = hit.stored.revision.source, hit.stored.passage.span
        if any(source == found and at.overlaps(span) for source, span in places):
            return rank
    return None


def recall(ranks: Sequence[int | None], k: int) -> float:
    """Share of the gold quotes hit by the first ``k`` passages."""
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks)


def reciprocal_rank(ranks: Sequence[int | None]) -> float:
    """One over the rank of the first passage that hits any gold quote; 0 without one."""
    return 1 / min((rank for rank in ranks if rank is not None), default=math.inf)


def ndcg(ranks: Sequence[int | None], k: int = DEPTH) -> float:
    """Normalised discounted cumulative gain of the first ``k`` passages, one binary gain for each gold quote.

    The n-th quote found gains no more than a passage of rank n can, so that a first passage which holds all quotes
    is as good as the best of lists, and no list is better than 1.
    """
    found = sorted(rank for rank in ranks if rank is not None)
    gain = sum(_discount(max(rank, place)) for place, rank in enumerate(found, start=1) if max(rank, place) <= k)
    best = sum(_discount(place) for place in range(1, min(len(ranks), k) + 1))
    return gain / best


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def report(ranked: Sequence[RankedQuestion]) -> RetrievalReport:
    """Means over all questions and over each kind and tag. Raises ValueError without a question."""
    if not ranked:
        raise ValueError("no answerable question to measure retrieval on")
    return RetrievalReport(
        overall=_score(ranked),
        by_kind=_scores(ranked, lambda question: (question.kind.value,)),
        by_tag=_scores(ranked, lambda question: question.tags),
        questions=tuple(ranked),
    )


def _scores(
    ranked: Sequence[RankedQuestion], groups_of: Callable[[RankedQuestion], Sequence[str]]
) -> dict[str, RetrievalScore]:
    names = sorted({name for question in ranked for name in groups_of(question)})
    return {name: _score([question for question in ranked if name in groups_of(question)]) for name in names}


def _score(ranked: Sequence[RankedQuestion]) -> RetrievalScore:
    return RetrievalScore(
        len(ranked),
        passage=_ranking_score([question.ranks.passage for question in ranked]),
        section=_ranking_score([question.ranks.section for question in ranked]),
    )


def _ranking_score(ranks: Sequence[Sequence[int | None]]) -> RankingScore:
    return RankingScore(
        recall={k: fmean(recall(of_question, k) for of_question in ranks) for k in CUTOFFS},
        ndcg=fmean(ndcg(of_question) for of_question in ranks),
        mrr=fmean(reciprocal_rank(of_question) for of_question in ranks),
    )
