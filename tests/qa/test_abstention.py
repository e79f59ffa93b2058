from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.document import Span
from qa.abstention import AbstentionConfig, coverage, nothing_carried, nothing_near, undocumented_codes
from qa.answer import Sentence, SentenceStatus
from qa.prompt import system_prompt
from qa.refusal import REFUSAL, is_refusal
from tests.qa.library import manuals

PASSAGES = manuals().passages()
CONFIG = AbstentionConfig(min_nearness=0.5, coverage_weight=0.4)


@pytest.mark.parametrize(
    ("similarity", "question", "refused"),
    [
        (0.2, "What is on the menu in the canteen on Friday?", True),
        (0.2, "Is the meter approved for glycol mixtures?", False),
        (0.6, "What is on the menu in the canteen on Friday?", False),
        (None, "What is on the menu in the canteen on Friday?", True),
        (0.0, "C-11???", False),
    ],
)
def test_only_what_is_far_in_meaning_and_in_words_is_refused(
    similarity: float | None, question: str, refused: bool
) -> None:
    found = [replace(passage, similarity=similarity) for passage in PASSAGES]
    assert nothing_near(question, found, CONFIG) is refused


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("What does C-12 mean?", ("C-12",)),
        ("C-98 or C-99?", ("C-98", "C-99")),
        ("What does C-11 mean?", ()),
        ("c11 or C-99?", ()),
        ("Does it play MP3 files?", ()),
        ("How long is the window open?", ()),
    ],
)
def test_a_code_is_missing_when_others_of_its_family_are_documented(question: str, missing: tuple[str, ...]) -> None:
    assert undocumented_codes(question, PASSAGES) == missing


def test_coverage_is_the_share_of_content_words_in_text_title_or_section() -> None:
    assert coverage("Are glycol mixtures approved?", PASSAGES) == 1.0
    assert coverage("Pairing the Corvo 200 with bananas", PASSAGES) == 0.75
    assert coverage("What is it?", PASSAGES) == 0.0


@pytest.mark.parametrize(
    "sentence",
    [
        REFUSAL,
        "The documents do not say anything about dogs.",
        "The passages do not mention the chief executive.",
        "The provided documentation doesn't specify an uptime percentage.",
        "The price is not mentioned in the passages.",
        "There is no information about a sandbox in the documents.",
        "This information is not provided in the documentation.",
    ],
)
def test_refusals(sentence: str) -> None:
    assert is_refusal(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The window stays open for 4 minutes.",
        "The meter is not approved for glycol mixtures.",
        "Documents are kept for 10 years.",
        "A telephone call is not enough.",
        "The manual gives 12 years for the battery.",
        "Do not open the passage between the valves.",
    ],
)
def test_no_refusals(sentence: str) -> None:
    assert not is_refusal(sentence)


def test_the_prompt_asks_for_the_refusal_that_is_recognised() -> None:
    assert REFUSAL in system_prompt()


def sentence(text: str, status: SentenceStatus) -> Sentence:
    return Sentence(text, Span(0, len(text)), status, ())


def test_an_answer_without_a_carried_sentence_is_an_abstention() -> None:
    unsupported = sentence("Lunch is at noon.", SentenceStatus.UNSUPPORTED)
    refusal = sentence(REFUSAL, SentenceStatus.UNSUPPORTED)
    # A refusal that shares its words with a passage is still one.
    carried_refusal = sentence("The price is not mentioned in the documents.", SentenceStatus.SUPPORTED)
    carried = sentence("It is 4 minutes.", SentenceStatus.SUPPORTED)
    assert nothing_carried([])
    assert nothing_carried([unsupported, refusal, carried_refusal])
    assert not nothing_carried([refusal, carried])
