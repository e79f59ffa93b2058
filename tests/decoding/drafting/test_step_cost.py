"""What steps cost: measured, kept, and read between the widths that were measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from decoding.drafting.step_cost import WIDTHS, StepCost, measure, measured_once
from tests.fakes.target import HashTarget

COST = StepCost((1, 2, 8), (1.0, 1.5, 3.0))


@pytest.mark.parametrize(("rows", "seconds"), [(1, 1.0), (2, 1.5), (5, 2.25), (8, 3.0), (16, 5.0)])
def test_between_and_beyond_it_is_linear(rows: int, seconds: float) -> None:
    assert COST.of(rows) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [((1,), (1.0,)), ((1, 2), (1.0,)), ((2, 3), (1.0, 2.0)), ((1, 2), (2.0, 1.0)), ((1, 2), (0, 1))],
)
def test_impossible_costs_are_refused(rows: tuple[int, ...], seconds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"widths|times"):
        StepCost(rows, seconds)


@pytest.mark.parametrize(("seconds", "rows"), [(0.9, 0), (1.0, 1), (1.4, 1), (1.5, 2), (2.6, 6), (3.0, 8), (5.1, 16)])
def test_rows_within_a_time(seconds: float, rows: int) -> None:
    assert COST.rows_within(seconds) == rows


def ticking() -> Iterator[float]:
    """A clock by which the n-th interval takes n seconds."""
    now, step = 0.0, 0
    while True:
        yield now
        step += 1
        yield now + step
        now += 100


def test_the_fastest_of_each_width_counts() -> None:
    times = ticking()
    target = HashTarget(context_length=300)
    cost = measure(target, clock=lambda: next(times))
    assert cost == StepCost(WIDTHS, tuple(float(at) for at in range(1, len(WIDTHS) + 1)))
    assert target.open_sequences == 0


def test_a_disturbed_narrow_step_costs_no_more_than_a_wide_one() -> None:
    times = iter([0, 9, 20, 22, 30, 33] * 3)
    cost = measure(HashTarget(context_length=300), (1, 2, 4), clock=lambda: next(times))
    assert cost == StepCost((1, 2, 4), (2.0, 2.0, 3.0))


def test_a_small_context_is_measured_as_far_as_it_goes() -> None:
    assert measure(HashTarget(context_length=136)).rows == (1, 2, 4, 8)


def test_it_is_measured_once_for_the_same_conditions(tmp_path: Path) -> None:
    file = tmp_path / "cost.json"
    target = HashTarget(context_length=300)
    first = measured_once(target, file, "two threads")
    assert measured_once(target, file, "two threads") == first
    other = measured_once(target, file, "one thread")
    assert measured_once(target, file, "one thread") == other
    assert measured_once(target, file, "two threads") == first


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"here": {"rows": [1], "seconds": "x"}}',
        '{"here": 3}',
        '{"here": {"rows": [1, 2], "seconds": [1, 2]}}',
    ],
)
def test_a_damaged_file_is_measured_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "cost.json"
    file.write_text(content)
    cost = measured_once(HashTarget(context_length=300), file, "here")
    assert cost.rows == WIDTHS
    assert measured_once(HashTarget(context_length=300), file, "here") == cost


def test_a_folder_that_can_not_be_written_is_no_error(tmp_path: Path) -> None:
    assert measured_once(HashTarget(context_length=300), tmp_path / "no" / "cost.json", "here").rows == WIDTHS
