from __future__ import annotations

import pytest

from qa.polarity import Polarity, contradicts, polarity
from qa.words import tokens


def of(text: str) -> Polarity:
    return polarity(text, tokens(text))


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("The meter is not approved.", [("approv",)]),
        ("No outlet run is needed.", [("outlet", "run", "need")]),
        ("It can't be changed, but it can be read.", [("chang",)]),
        ("A meter without its seal must be returned.", [("seal",)]),
        ("It is never sent and always kept.", [("sent",)]),
        ("No, the old secret works.", []),
        ("See No. 4.", []),
        ("It takes no more than 5 minutes.", []),
        ("A call is enough; a letter is not.", [("letter",)]),
    ],
)
def test_what_is_denied(text: str, denied: list[tuple[str, ...]]) -> None:
    assert list(of(text).denied) == denied


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("The meter is approved.", "The meter is not approved."),
        ("The meter is not approved.", "The meter is approved."),
        ("The code can be changed.", "The code has 6 digits and cannot be changed."),
        ("The window stays open and can be opened again.", "The window stays open and cannot be opened again."),
        ("A larger limit is not refused.", "A larger limit is refused."),
        ("The price does not apply on Sundays.", "The price is 5 €."),
    ],
)
def test_contradictions(claim: str, evidence: str) -> None:
    assert contradicts(of(claim), [of(evidence)])


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("The meter is not approved.", "The meter is not approved for glycol."),
        ("An outlet run is not needed.", "No outlet run is needed."),
        ("Glycol is not allowed.", "The meter is not approved for glycol mixtures."),
        ("A larger limit is not accepted.", "A larger limit is refused as not accepted."),
        ("Jobs open offline.", "Jobs can be opened without a network."),
        ("The window stays open.", "The window stays open and cannot be opened again."),
        ("It is at most 5.", "It is not more than 5."),
    ],
)
def test_no_contradictions(claim: str, evidence: str) -> None:
    assert not contradicts(of(claim), [of(evidence)])
