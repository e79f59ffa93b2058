"""What counts as stating a fact: a table of answers that do and answers that do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.evaluation.facts import states

STATED = [
    ("Hold the button for 5 s.", "5 s"),
    ("Hold the button for 5 seconds.", "5 s"),
    ("Hold the button for five seconds.", "5 s"),
    ("Hold it 5s", "5 s"),
    ("Hold it for 5\u2009s.", "5 s"),
    ("the 5-second test", "5 s"),
    ("after 15 MINUTES", "15 min"),
    ("a 15-minute delay", "15 min"),
    ("at 90 °C", "90 degrees"),
    ("at 90°C", "90 °C"),
    ("at 90 degrees", "90 °C"),
    ("at most 50,000 rows", "50000"),
    ("at most 50\u202f000 rows", "50,000"),
    ("at most 50 000 rows", "50 000"),
    ("costs 27,50 €", "27.50"),
    ("costs €27.50", "27.50"),
    ("costs 24 EUR", "24 €"),
    ("costs 24.00 €", "24"),
    ("costs 24 €", "24.00"),
    ("5 percent of the fee", "5 %"),
    ("5 per cent of the fee", "5%"),
    ("five per cent of the fee", "five per"),
    ("**5** % of the fee", "5 %"),
    ("raise C\u201109 then", "C-09"),
    ("raise `C-09`", "c-09"),
    ("uses usp_estimate_missing.", "usp_estimate_missing"),
    ("uses `usp\\_estimate\\_missing`", "usp_estimate_missing"),
    ("The site becomes read\u2011only.", "read only"),
    ("The site becomes read-only.", "read-only"),
    ("two unpaid invoices", "unpaid invoice"),
    ("ten metres of cable", "ten met"),
    ("18 N·m", "18 N"),
    ("pass --format 2", "--format 2"),
    ("at 03:30 at night", "3:30"),
    ("before 4 p.m. today", "4 pm"),
    ("below \u2212115 dBm", "115"),
    ("\u22125 °C at least", "-5 °C"),
    ("between 6\u2013168 hours", "168 hours"),
    ("extension (4250).", "4250"),
    ("It takes forty-five minutes", "45 min"),
    ("It is 5.", "5"),
    ("one  \n hour", "1 hour"),
    ("41MB large", "41 MB"),
    ("holds six", "six"),
    ("released in 2026.2", "2026.2"),
]

NOT_STATED = [
    ("Hold the button for 15 s.", "5 s"),
    ("Hold the button for 5 steps.", "5 s"),
    ("Hold the button for 5 min.", "5 s"),
    ("Hold the button for 0.5 s.", "5 s"),
    ("Hold the button for 5.5 s.", "5 s"),
    ("costs 24.50 €", "24"),
    ("firmware 3.10", "3.1"),
    ("C-12 is shown", "12"),
    ("C-12 is shown", "C-1"),
    ("LG-112 is shown", "LG-11"),
    ("T1500", "T-150"),
    ("at most 150,000 rows", "50,000"),
    ("at most 50,000 rows", "50"),
    ("at most 50,000 rows", "000"),
    ("at most 5 °C", "-5 °C"),
    ("sixteen photos", "six"),
    ("sixty photos", "six"),
    ("at 13:30", "3:30"),
    ("firmware 2.61", "2.6"),
    ("firmware 12.6", "2.6"),
    ("after 60 minimum intervals", "60 min"),
    ("the usp_estimate_missing_v2 procedure", "usp_estimate_missing"),
    ("it is so [2]", "2"),
    ("it is so [1, 2]", "2"),
    ("2. Open the lid\n3) Close it", "2"),
    ("read the manual only", "read-only"),
    ("minutes 15", "15 min"),
    ("", "5 s"),
    ("area", "floor area"),
]


@pytest.mark.parametrize(("answer", "fact"), STATED)
def test_stated(answer: str, fact: str) -> None:
    assert states(answer, [fact])


@pytest.mark.parametrize(("answer", "fact"), NOT_STATED)
def test_not_stated(answer: str, fact: str) -> None:
    assert not states(answer, [fact])


def test_one_spelling_is_enough() -> None:
    assert states("once an hour", ["hourly", "once per hour", "once an hour"])
    assert not states("once a day", ["hourly", "once per hour", "once an hour"])


def test_a_fact_without_words_is_an_error() -> None:
    with pytest.raises(ValueError, match="marks and spaces"):
        states("anything", ["***"])


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_number_is_stated_by_itself_only(said: int, wanted: int) -> None:
    assert states(f"It takes {said} minutes.", [f"{wanted} min"]) == (said == wanted)


@given(st.text(max_size=200), st.sampled_from(["15 min", "C-09", "50,000", "read-only"]), st.text(max_size=50))
def test_a_fact_between_spaces_is_found_in_any_text(before: str, fact: str, after: str) -> None:
    assert states(f"{before.replace('[', '')}\n. {fact} .\n{after}", [fact])
