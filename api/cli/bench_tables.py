"""What `docqa bench` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from rich.box import SIMPLE_HEAD
from rich.table import Table

from decoding.bench.answers import Speed
from decoding.bench.exactness import Exactness
from decoding.bench.serving import Load
from decoding.bench.step_times import StepTimes
from decoding.generator import GenerationDone

SERVING_COLUMNS = (
    *("engine", "tokens/s", "flowing tokens/s", "first token p50", "p95 s"),
    *("gap p50", "p95", "p99 ms", "per token p95 ms", "good"),
)


@dataclass(frozen=True, slots=True)
class Drafts:
    """What drafts brought over some answers; α, γ, c and the gain by theorem 3.8 are means over answers."""

    answers: int
    tokens: int
    steps: int
    tokens_per_step: float
    rows_per_step: float
    proposed: dict[str, int]
    accepted: dict[str, int]
    alpha: float
    gamma: float
    c: float
    theorem: float
    measured: float


def drafts(done: Collection[GenerationDone]) -> Drafts:
    """Of at least one answer."""
    stats = [each.stats for each in done]
    proposed, accepted = Counter[str](), Counter[str]()
    for each in stats:
        for count in each.sources:
            proposed[count.source] += count.proposed
            accepted[count.source] += count.accepted
    tokens, steps = sum(each.output_tokens for each in stats), sum(each.steps for each in stats)
    gains = [each.speedup for each in stats if each.speedup is not None]
    return Drafts(
        len(stats),
        tokens,
        steps,
        tokens / max(1, steps),
        sum(each.rows for each in stats) / max(1, steps),
        dict(proposed),
        dict(accepted),
        mean(gain.alpha for gain in gains) if gains else 0.0,
        mean(gain.gamma for gain in gains) if gains else 0.0,
        mean(gain.c for gain in gains) if gains else 0.0,
        mean(gain.theorem for gain in gains) if gains else 1.0,
        mean(gain.measured_cost for gain in gains) if gains else 1.0,
    )


def steps_table(steps: StepTimes) -> Table:
    """Times of steps by their rows."""
    times = _table(f"Steps at {steps.context} tokens of context", "rows", "ms", "over one row", "over the floor")
    for rows, seconds in zip(steps.rows, steps.seconds, strict=True):
        floor = f"{seconds / steps.floor_s:.2f}" if steps.floor_s else ""
        times.add_row(str(rows), f"{1e3 * seconds:.1f}", f"{seconds / steps.seconds[0]:.2f}", floor)
    if steps.floor_s and steps.packed_bytes:
        rate = steps.packed_bytes / steps.floor_s / 1e9
        times.add_row(
            "floor", f"{1e3 * steps.floor_s:.1f}", "", f"{steps.packed_bytes / 1e9:.2f} GB at {rate:.0f} GB/s"
        )
    times.add_row("prompt", f"{1e3 * steps.prefill_s:.0f}", "", f"{steps.prefill_tokens} tokens")

    return times


def speed_table(speeds: Sequence[Speed]) -> Table:
    """How fast each engine answered."""
    speed = _table(
        f"{speeds[0].answers} answers",
        "engine",
        "tokens",
        "first token, s",
        "tokens/s",
        "whole answer, s",
        "whole, times",
    )
    for each in speeds:
        speed.add_row(
            each.engine,
            str(each.tokens),
            f"{each.first_s:.2f}",
            f"{each.tokens_per_s:.1f}",
            f"{each.whole_s:.2f}",
            f"{each.whole_s / speeds[0].whole_s:.2f}",
        )

    return speed


def drafts_table(found: Mapping[str, Drafts]) -> Table:
    """What the draft sources brought, together and alone."""
    drafting = _table(
        "Drafts", "sources", "tokens/step", "rows/step", "right, by source", "α", "γ", "c", "S", "by cost"
    )
    for name, one in found.items():
        right = ", ".join(f"{source} {one.accepted[source]}/{count}" for source, count in sorted(one.proposed.items()))
        figures = (one.alpha, one.gamma, one.c, one.theorem, one.measured)
        drafting.add_row(
            name,
            f"{one.tokens_per_step:.2f}",
            f"{one.rows_per_step:.1f}",
            right,
            *(f"{value:.2f}" for value in figures),
        )

    return drafting


def exactness_table(checks: Sequence[Exactness]) -> Table:
    """Rows of logits, bit for bit, and tokens of answers."""
    exact = _table("Against plain decoding, one token at a time", "what", "rows", "differing")
    for check in checks:
        exact.add_row(check.what, str(check.rows), str(check.differing))
    return exact


def serving_table(what: str, loads: Sequence[Load]) -> Table:
    """What each engine made of one load."""
    table = _table(f"{loads[0].requests} requests, {what}", *SERVING_COLUMNS)
    for load in loads:
        gap = load.gap
        table.add_row(
            load.engine,
            f"{load.tokens_per_s:.1f}",
            f"{load.flowing_tokens_per_s:.1f}",
            *(f"{value:.2f}" for value in (load.first.p50, load.first.p95)),
            *(f"{1e3 * value:.0f}" for value in (gap.p50, gap.p95, gap.p99, load.per_token.p95)),
            f"{load.goodput:.2f}",
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    return table
