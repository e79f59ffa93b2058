"""Evaluation reports as tables for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import JsonValue
from rich.box import SIMPLE_HEAD
from rich.table import Table

from qa.evaluation.answers import AnswersReport, Distribution, Share
from qa.evaluation.retrieval import CUTOFFS, DEPTH, RankedQuestion, RankingScore, RetrievalReport, RetrievalScore

_COSTS = {
    "prompt_tokens": ("prompt tokens", "{:.0f}"),
    "output_tokens": ("output tokens", "{:.0f}"),
    "tokens_per_step": ("tokens per step", "{:.2f}"),
    "acceptance": ("acceptance of drafted tokens", "{:.2f}"),
    "ttft_s": ("time to first token, s", "{:.2f}"),
    "decode_tokens_per_s": ("decoding, tokens/s", "{:.1f}"),
    "total_s": ("whole answer, s", "{:.2f}"),
}


def as_json(value: object) -> JsonValue:
    """A report as JSON: dataclasses as objects, shares with their value beside count and total."""
    if isinstance(value, Share):
        return {"value": value.value, "count": value.count, "total": value.total}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Sequence):
        return [as_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in a report")


def retrieval_table(report: RetrievalReport) -> Table:
    """Recall, nDCG and MRR by section and by passage; all questions, each kind, each tag; 80 columns wide."""
    table = _table("Retrieval", "questions", "", "level")
    for name in (*(f"recall@{k}" for k in CUTOFFS), f"nDCG@{DEPTH}", "MRR"):
        table.add_column(name, justify="right", no_wrap=True)
    _add_scores(table, "all", report.overall)
    table.add_section()
    for kind, score in report.by_kind.items():
        _add_scores(table, kind, score)
    table.add_section()
    for tag, score in report.by_tag.items():
        _add_scores(table, f"#{tag}", score)
    return table


def _add_scores(table: Table, name: str, score: RetrievalScore) -> None:
    table.add_row(name, str(score.questions), "section", *_ranking(score.section))
    table.add_row("", "", "passage", *_ranking(score.passage))


def _ranking(score: RankingScore) -> list[str]:
    return [f"{value:.3f}" for value in (*score.recall.values(), score.ndcg, score.mrr)]


def misses_table(questions: Sequence[RankedQuestion], k: int) -> Table:
    """Questions with a gold quote whose section is not among the first ``k`` passages, and what came first."""
    table = _table(f"Not all found by section in the first {k}", "question", "ranks", "first passages")
    for question in questions:
        if any(rank is None or rank > k for rank in question.ranks.section):
            ranks = ", ".join("-" if rank is None else str(rank) for rank in question.ranks.section)
            first = "\n".join(" > ".join((source, *path[1:])) for source, path in question.sources[:3])
            table.add_row(question.id, ranks, first)
    return table


def answers_table(report: AnswersReport) -> Table:
    """Shares with the counts behind them."""
    table = _table(f"Answers to {report.questions} questions", "measure")
    table.add_column("share", justify="right")
    table.add_column("of", justify="right")
    _add_share(table, "with all required facts, of the answerable", report.complete)
    for kind, share in report.complete_by_kind.items():
        _add_share(table, f"  {kind}", share)
    for tag, share in report.complete_by_tag.items():
        _add_share(table, f"  #{tag}", share)
    table.add_section()
    _add_share(table, "unanswerable refused (refusal recall)", report.refusal_recall)
    _add_share(table, "  near misses refused", report.near_misses_refused)
    _add_share(table, "unanswerable answered", report.unanswerable_answered)
    _add_share(table, "answerable refused (wrong refusals)", report.wrong_refusals)
    _add_share(table, "refusals that were due (refusal precision)", report.refusal_precision)
    table.add_section()
    _add_share(table, "citations whose quote is at its span", report.citations_hold)
    _add_share(table, "citations into a gold section (precision)", report.citation_precision)
    _add_share(table, "gold quotes with a citation into their section (recall)", report.citation_recall)
    for status, share in report.sentences.items():
        _add_share(table, f"sentences {status}", share)
    return table


def _add_share(table: Table, name: str, share: Share) -> None:
    value = "-" if share.value is None else f"{share.value:.3f}"
    table.add_row(name, value, f"{share.count}/{share.total}")


def costs_table(costs: Mapping[str, Distribution]) -> Table:
    """Tokens and seconds of the answers for which the model ran."""
    table = _table("Cost of an answer", "measure")
    for name in ("mean", "p50", "p95"):
        table.add_column(name, justify="right")
    for measure, (name, form) in _COSTS.items():
        if measure in costs:
            found = costs[measure]
            table.add_row(name, *(form.format(value) for value in (found.mean, found.p50, found.p95)))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
