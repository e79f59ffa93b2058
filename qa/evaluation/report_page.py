"""Results of `docqa eval` as one page of HTML with plots: complete in itself, without scripts.

The results are read as JSON, so that runs of other days and machines can be put side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from pydantic import BaseModel, Field, JsonValue, ValidationError

from qa.evaluation.plots import Bar, bars, histogram

STYLE = """
:root { color-scheme: light dark; --ink: #1d2a35; --paper: #fff; --bar: #4a86b8; --faint: #d5dde3; --range: #b3541e; }
@media (prefers-color-scheme: dark) { :root { --ink: #dde6ec; --paper: #14191d; --bar: #5b93bf; --faint: #35424c; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 760px;
  margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; margin: .4rem 0 1.4rem; font-size: 12.5px; fill: var(--ink); }
rect { fill: var(--bar); } .name { text-anchor: end; } .tick { text-anchor: middle; }
.grid { stroke: var(--faint); } .range { stroke: var(--range); stroke-width: 2; }
table { border-collapse: collapse; margin: .4rem 0 1.4rem; }
th, td { padding: .15rem .8rem .15rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr { border-bottom: 1px solid var(--faint); }
"""


class BadResults(ValueError):
    """JSON that no `docqa eval` wrote; the message says what is missing."""


class _Share(BaseModel):
    count: int
    total: int

    def bar(self, name: str) -> Bar:
        return Bar(name, self.count / self.total if self.total else 0.0, self.total)


class _Spread(BaseModel):
    mean: float
    p50: float
    p95: float


class _Answers(BaseModel):
    questions: int
    complete: _Share
    complete_by_kind: dict[str, _Share]
    complete_by_tag: dict[str, _Share]
    refusal_recall: _Share
    refusal_precision: _Share
    near_misses_refused: _Share
    wrong_refusals: _Share
    citations_hold: _Share
    citation_precision: _Share
    citation_recall: _Share
    sentences: dict[str, _Share]
    costs: dict[str, _Spread]
    broken: list[str]


class _Ranking(BaseModel):
    recall: dict[int, float]
    ndcg: float
    mrr: float


class _Retrieved(BaseModel):
    questions: int
    passage: _Ranking
    section: _Ranking


class _Retrieval(BaseModel):
    overall: _Retrieved
    by_kind: dict[str, _Retrieved]
    by_tag: dict[str, _Retrieved]


class _Costs(BaseModel):
    output_tokens: int = 0
    ttft_s: float = 0.0
    total_s: float = 0.0


class _Question(BaseModel):
    stats: _Costs


class _Results(BaseModel):
    """What either command of `docqa eval` prints with ``--json``."""

    run: dict[str, JsonValue] = Field(default={})
    collection: str | None = None
    answers: _Answers | None = None
    retrieval: _Retrieval | None = None
    questions: list[_Question] = Field(default=[])


def report_page(results: Mapping[str, JsonValue]) -> str:
    """The page of some results by the name under which they are shown. Raises `BadResults`."""
    sections = [part for name, result in results.items() for part in _section(name, _read(name, result))]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>docqa evaluation</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>docqa evaluation</h1>\n"
        "<p>Bars are shares; the line across a bar is its 95% interval (Wilson).</p>\n"
        + "\n".join(sections)
        + "\n</body></html>\n"
    )


def _read(name: str, result: JsonValue) -> _Results:
    try:
        read = _Results.model_validate(result)
    except ValidationError as error:
        details = error.errors()[0]
        where = ".".join(map(str, details["loc"])) or "the file"
        raise BadResults(f"{name}: {where}: {details['msg']}; it must come from docqa eval with --json") from error
    if read.answers is None and read.retrieval is None:
        raise BadResults(f"{name} holds neither answers nor retrieval; it must come from docqa eval with --json")
    return read


def _section(name: str, results: _Results) -> Iterator[str]:
    yield f"<h2>{escape(name)}</h2>"
    described = {"collection": results.collection, **results.run}
    said = ", ".join(f"{key} {_value(value)}" for key, value in described.items() if value is not None)
    yield f"<p>{escape(said)}</p>"
    if results.answers is not None:
        yield from _answers(results.answers, results.questions)
    if results.retrieval is not None:
        yield from _retrieval(results.retrieval)


def _value(value: JsonValue) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_value(item)}" for key, item in value.items()) + ")"
    return str(value)


def _answers(answers: _Answers, questions: Sequence[_Question]) -> Iterator[str]:
    yield f"<h3>Answers to {answers.questions} questions</h3>"
    main = [
        answers.complete.bar("all required facts"),
        answers.wrong_refusals.bar("answerable but refused"),
        answers.refusal_recall.bar("unanswerable and refused"),
        answers.near_misses_refused.bar("near misses refused"),
        answers.refusal_precision.bar("refusals that were due"),
        answers.citations_hold.bar("quotes at their span"),
        answers.citation_precision.bar("citations into a gold section"),
        answers.citation_recall.bar("gold quotes cited"),
    ]
    yield bars("Answers, refusals and citations", main)
    groups = {**answers.complete_by_kind, **{f"#{tag}": share for tag, share in answers.complete_by_tag.items()}}
    yield "<h3>All required facts, by kind and tag of question</h3>"
    yield bars("All required facts by kind and tag", [share.bar(name) for name, share in groups.items()])
    yield "<h3>Sentences by status</h3>"
    yield bars("Sentences by status", [share.bar(name) for name, share in answers.sentences.items()])
    yield "<h3>Cost of an answer</h3>"
    rows = [
        (name.replace("_", " "), *(f"{x:.3g}" for x in (cost.mean, cost.p50, cost.p95)))
        for name, cost in answers.costs.items()
    ]
    yield _table(("measure", "mean", "p50", "p95"), rows)
    generated = [question.stats for question in questions if question.stats.output_tokens]
    if generated:
        yield histogram("Time to the first token", [stats.ttft_s for stats in generated], "s to the first token")
        yield histogram("Time of whole answers", [stats.total_s for stats in generated], "s for the whole answer")
    if answers.broken:
        yield "<h3>Citations that do not hold</h3><ul>"
        yield from (f"<li>{escape(problem)}</li>" for problem in answers.broken)
        yield "</ul>"


def _retrieval(retrieval: _Retrieval) -> Iterator[str]:
    groups = {
        "all": retrieval.overall,
        **retrieval.by_kind,
        **{f"#{tag}": score for tag, score in retrieval.by_tag.items()},
    }
    cutoffs = sorted(retrieval.overall.section.recall)
    yield f"<h3>Retrieval for {retrieval.overall.questions} questions, by section</h3>"
    for cutoff in cutoffs:
        yield f"<h4>recall@{cutoff}</h4>"
        rows = [Bar(name, score.section.recall[cutoff], score.questions) for name, score in groups.items()]
        yield bars(f"recall@{cutoff} by section", rows)
    head = ("questions", "", "level", *(f"recall@{cutoff}" for cutoff in cutoffs), "nDCG", "MRR")
    table = [
        (
            name,
            str(score.questions),
            level,
            *(f"{x:.3f}" for x in (*ranking.recall.values(), ranking.ndcg, ranking.mrr)),
        )
        for name, score in groups.items()
        for level, ranking in (("section", score.section), ("passage", score.passage))
    ]
    yield _table(head, table)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
