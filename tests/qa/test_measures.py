from __future__ import annotations

import pytest

from qa.measures import Measure, measures, states
from qa.words import tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15 minutes", {("15", "min")}),
        ("15 min", {("15", "min")}),
        ("fifteen-minute", {("15", "min")}),
        ("24.00 €", {("24", "€")}),
        ("€ 24", {("24", "€")}),
        ("130 °C", {("130", "c")}),
        ("2 working days", {("2", "day")}),
        ("6 to 168 hours", {("6", "h"), ("168", "h")}),
        ("1, 5 or 30 s", {("1", "s"), ("5", "s"), ("30", "s")}),
        ("on day 12 it costs 6.00 €", {("12", "day"), ("6", "€")}),
        ("5 attempts in 3 h", {("5", None), ("3", "h")}),
        ("| 423 | 5 minutes |", {("423", None), ("5", "min")}),
    ],
)
def test_measures(text: str, expected: set[tuple[str, str | None]]) -> None:
    assert measures(tokens(text)) == {Measure(*measure) for measure in expected}


@pytest.mark.parametrize(
    ("held", "claimed", "expected"),
    [
        (Measure("15", "min"), Measure("15", "min"), True),
        (Measure("15", "min"), Measure("15", None), True),
        (Measure("15", "min"), Measure("15", "h"), False),
        (Measure("15", "min"), Measure("16", "min"), False),
        (Measure("15", None), Measure("15", "h"), False),
    ],
)
def test_states(held: Measure, claimed: Measure, expected: bool) -> None:
    assert states(frozenset({held}), claimed, unit_may_lack=False) is expected


def test_the_unit_may_stand_in_the_header_of_a_table() -> None:
    assert states(frozenset({Measure("15", None)}), Measure("15", "h"), unit_may_lack=True)
    assert not states(frozenset({Measure("15", "min")}), Measure("15", "h"), unit_may_lack=True)
