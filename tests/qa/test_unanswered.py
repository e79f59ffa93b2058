from __future__ import annotations

import pytest

from qa.unanswered import Unanswered, unanswered


@pytest.mark.parametrize(
    ("abstained", "statuses", "reason"),
    [
        (True, [], Unanswered.REFUSED),
        (True, ["unsupported"], Unanswered.REFUSED),
        (False, ["unsupported"], Unanswered.UNSUPPORTED),
        (False, ["quoted", "unsupported"], Unanswered.UNSUPPORTED),
        (False, ["quoted", "supported", "unsupported"], None),
        (False, ["verified"], None),
        (False, [], None),
    ],
)
def test_what_leaves_a_question_open(abstained: bool, statuses: list[str], reason: Unanswered | None) -> None:
    assert unanswered(abstained, statuses) is reason
