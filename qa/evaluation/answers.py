"""How good answers are: facts stated, refusals right and wrong, citations that hold, tokens and seconds.

An answer that the product refuses to give counts as without its facts. Citations are compared with the gold of
answerable questions that were answered: a citation is right when it points into the section of a gold quote, a gold
quote is found when some citation points into its section.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.document import Document
from qa.answer import Answer, AnswerStats, Citation, SentenceStatus
from qa.evaluation.facts import states
from qa.evaluation.gold import GoldSpan
from qa.evaluation.kinds import QuestionKind
from qa.evaluation.questions import GoldQuestion

DocumentOf = Callable[[str], Document]
BY_MACHINE = (SentenceStatus.QUOTED, SentenceStatus.SUPPORTED, SentenceStatus.UNSUPPORTED)
"""What is measured has no sentences that a person vouches for."""


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """One answer beside its gold. ``facts``: for each required fact, whether it is stated.

    ``citations`` counts those shown, ``held_citations`` those whose quote is at their span in their revision,
    ``right_citations`` those that point into a gold section; ``found_golds`` of ``golds`` are pointed at.
    ``broken`` describes what does not hold.
    """

    id: str
    kind: QuestionKind
    near_miss: bool
    tags: tuple[str, ...]
    abstained: bool
    facts: tuple[bool, ...]
    golds: int
    found_golds: int
    citations: int
    held_citations: int
    right_citations: int
    statuses: tuple[SentenceStatus, ...]
    broken: tuple[str, ...]
    stats: AnswerStats

    @property
    def answerable(self) -> bool:
        """Whether the documents hold the answer."""
        return self.kind is not QuestionKind.UNANSWERABLE

    @property
    def complete(self) -> bool:
        """Answered with all required facts."""
        return self.answerable and not self.abstained and all(self.facts)


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``total``; ``value`` is None where there was nothing to count."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """Between 0 and 1."""
        return self.count / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Distribution:
    """Mean, median and 95th percentile (interpolated)."""

    mean: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class AnswersReport:
    """Shares over all judged answers; ``costs`` over those for which the model ran, by name of the measure.

    ``refusal_recall``: unanswerable questions refused; ``refusal_precision``: refusals that were due;
    ``wrong_refusals``: answerable questions refused.
    """

    questions: int
    complete: Share
    complete_by_kind: Mapping[str, Share]
    complete_by_tag: Mapping[str, Share]
    refusal_recall: Share
    refusal_precision: Share
    near_misses_refused: Share
    wrong_refusals: Share
    unanswerable_answered: Share
    citations_hold: Share
    citation_precision: Share
    citation_recall: Share
    sentences: Mapping[str, Share]
    costs: Mapping[str, Distribution]
    broken: tuple[str, ...]


def judge(question: GoldQuestion, golds: Sequence[GoldSpan], answer: Answer, document_of: DocumentOf) -> JudgedAnswer:
    """Compare an answer with the question's gold; ``document_of`` gives the document of a revision id or KeyError."""
    citations = [citation for sentence in answer.sentences for citation in sentence.citations]
    problems = [problem for c in citations if (problem := citation_problem(c, document_of))]
    judged_by_gold = question.answerable and not answer.abstained
    return JudgedAnswer(
        id=question.id,
        kind=question.kind,
        near_miss=question.near_miss,
        tags=question.tags,
        abstained=answer.abstained,
        facts=tuple(states(answer.text, spellings) for spellings in question.facts),
        golds=len(golds) if judged_by_gold else 0,
        found_golds=sum(any(_hits(c, gold) for c in citations) for gold in golds) if judged_by_gold else 0,
        citations=len(citations),
        held_citations=len(citations) - len(problems),
        right_citations=sum(any(_hits(c, gold) for gold in golds) for c in citations) if judged_by_gold else 0,
        statuses=tuple(sentence.status for sentence in answer.sentences),
        broken=tuple(f"{question.id}: {problem}" for problem in (*_misplaced(answer), *problems)),
        stats=answer.stats,
    )


def _hits(citation: Citation, gold: GoldSpan) -> bool:
    return any(citation.source == place.source and citation.span.overlaps(place.section) for place in gold.places)


def _misplaced(answer: Answer) -> list[str]:
    return [
        f"the sentence {sentence.text!r} is not at {sentence.span.start}..{sentence.span.end} of the answer"
        for sentence in answer.sentences
        if sentence.span.of(answer.text) != sentence.text
    ]


def citation_problem(citation: Citation, document_of: DocumentOf) -> str | None:
    """What is wrong with a citation by the letter of its revision; None for one that holds."""
    where = f"{citation.source}, revision {citation.revision}, {citation.span.start}..{citation.span.end}"
    try:
        document = document_of(citation.revision_id)
    except KeyError:
        return f"{where}: the revision {citation.revision_id!r} does not exist"
    if document.source != citation.source:
        return f"{where}: the revision is one of {document.source}"
    there = citation.span.of(document.text)
    if not there or there != citation.quote:
        return f"{where}: holds {there!r}, not the quote {citation.quote!r}"
    page = document.pages.page_at(citation.span.start)
    if page != citation.page:
        return f"{where}: stands on page {page}, not {citation.page}"
    return None


def report(judged: Sequence[JudgedAnswer]) -> AnswersReport:
    """Put judged answers together. Raises ValueError without one."""
    if not judged:
        raise ValueError("no answer to report on")
    answerable = [answer for answer in judged if answer.answerable]
    unanswerable = [answer for answer in judged if not answer.answerable]
    refused = [answer for answer in judged if answer.abstained]
    cited = [answer for answer in answerable if not answer.abstained]
    statuses = Counter(status for answer in judged if not answer.abstained for status in answer.statuses)
    return AnswersReport(
        questions=len(judged),
        complete=_complete(answerable),
        complete_by_kind=_grouped(answerable, lambda answer: (answer.kind.value,)),
        complete_by_tag=_grouped(answerable, lambda answer: answer.tags),
        refusal_recall=_abstained(unanswerable),
        refusal_precision=Share(sum(not answer.answerable for answer in refused), len(refused)),
        near_misses_refused=_abstained([answer for answer in unanswerable if answer.near_miss]),
        wrong_refusals=_abstained(answerable),
        unanswerable_answered=Share(sum(not answer.abstained for answer in unanswerable), len(unanswerable)),
        citations_hold=Share(sum(a.held_citations for a in judged), sum(a.citations for a in judged)),
        citation_precision=Share(sum(a.right_citations for a in cited), sum(a.citations for a in cited)),
        citation_recall=Share(sum(a.found_golds for a in cited), sum(a.golds for a in cited)),
        sentences={status.value: Share(statuses[status], statuses.total()) for status in BY_MACHINE},
        costs=_costs([answer.stats for answer in judged]),
        broken=tuple(problem for answer in judged for problem in answer.broken),
    )


def _complete(answers: Sequence[JudgedAnswer]) -> Share:
    return Share(sum(answer.complete for answer in answers), len(answers))


def _abstained(answers: Sequence[JudgedAnswer]) -> Share:
    return Share(sum(answer.abstained for answer in answers), len(answers))


def _grouped(answers: Sequence[JudgedAnswer], groups_of: Callable[[JudgedAnswer], Sequence[str]]) -> dict[str, Share]:
    names = sorted({name for answer in answers for name in groups_of(answer)})
    return {name: _complete([answer for answer in answers if name in groups_of(answer)]) for name in names}


def _costs(stats: Sequence[AnswerStats]) -> dict[str, Distribution]:
    """Measures that an answer doesn't have (no step, no draft, no generation at all) are left out, not zero."""
    generated = [one for one in stats if one.output_tokens > 0]
    measures = {
        "prompt_tokens": [float(one.prompt_tokens) for one in generated],
        "output_tokens": [float(one.output_tokens) for one in generated],
        "tokens_per_step": [one.output_tokens / one.target_steps for one in generated if one.target_steps],
        "acceptance": [one.accepted_tokens / one.drafted_tokens for one in generated if one.drafted_tokens],
        "ttft_s": [one.ttft_s for one in generated],
        "decode_tokens_per_s": [one.decode_tokens_per_s for one in generated if one.target_steps],
        "total_s": [one.total_s for one in generated],
    }
    return {name: distribution(values) for name, values in measures.items() if values}


def distribution(values: Sequence[float]) -> Distribution:
    """Of at least one value."""
    p50, p95 = np.percentile(values, [50, 95])
    return Distribution(float(np.mean(values)), float(p50), float(p95))
