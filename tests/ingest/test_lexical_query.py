from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.lexical_query import MAX_PHRASES, STOP_WORDS, phrases_of, words_of


@pytest.mark.parametrize(
    ("question", "phrases"),
    [
        ("How do I reset the alarm?", ["reset", "alarm"]),
        ("reset, reset and RESET", ["reset"]),
        ("What is it?", []),
        ("WHAT IS IT?", []),
        ("Who runs IT?", ["runs", "it"]),
        ("error HB-423", ["error", "hb 423", "hb 423", "hb423", "hb423", "423"]),
        ("HB423", ["hb423", "hb423", "hb 423", "hb 423"]),
        ("TM-SEC-002", ["tm sec 002", "tm sec 002", "tmsec002", "tmsec002", "002"]),
        ("sp_close_month()", ["sp close month", "sp", "close", "month"]),
        ("FW 3.1", ["fw", "3 1"]),
        ("month-end", ["month end", "month", "end"]),
        ("Corvo-200", ["corvo 200", "corvo 200", "corvo200", "corvo200", "corvo", "200"]),
        ("within 30 days", ["30", "days"]),
        ('"alarm" or near(x*)', ["alarm", "near", "x"]),
        ("cafe\u0301", ["café"]),
        ("", []),
    ],
)
def test_what_a_question_searches_for(question: str, phrases: list[str]) -> None:
    assert [" ".join(phrase) for phrase in phrases_of(question)] == phrases


@given(st.text(max_size=300))
def test_phrases_are_made_of_letters_and_digits_whatever_is_asked(question: str) -> None:
    phrases = phrases_of(question)
    assert len(phrases) <= MAX_PHRASES
    for phrase in phrases:
        assert phrase
        for word in phrase:
            assert word.replace("\u0307", "").isalnum(), repr(word)


def test_stop_words_are_words() -> None:
    assert all(words_of(word) == [word] for word in STOP_WORDS)
