"""Why a question counts as unanswered."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from qa.answer import SentenceStatus


class Unanswered(StrEnum):
    """The answer was a refusal, most of it stands in no document, or its reader was not helped."""

    REFUSED = "refused"
    UNSUPPORTED = "unsupported"
    DISLIKED = "disliked"


def unanswered(abstained: bool, statuses: Sequence[str]) -> Unanswered | None:
    """Why an answer with sentences of these statuses leaves its question open; None if it does not.

    One sentence too many is no gap in the documents: half of the sentences or more have to be carried by none.
    """
    if abstained:
        return Unanswered.REFUSED
    bare = sum(status == SentenceStatus.UNSUPPORTED for status in statuses)
    return Unanswered.UNSUPPORTED if bare and 2 * bare >= len(statuses) else None
