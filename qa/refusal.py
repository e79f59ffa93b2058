"""How a model says that the documents do not hold the answer."""

from __future__ import annotations

import re

REFUSAL = "The documents do not say."
"""What the prompt asks for; small models say it in other words too."""

_REFUSES = re.compile(
    r"\b(?:documents?|documentation|passages?|manuals?|text|information)\b[^.!?]{0,60}?"
    r"\b(?:do(?:es)? not|don['’]t|doesn['’]t|did not)\s+"
    r"(?:say|state|mention|specify|contain|provide|include|answer|cover|give|tell|seem)\b"
    r"|\b(?:not|n['’]t|nowhere|never)\s+(?:explicitly\s+)?(?:mentioned|stated|specified|provided|given|covered|found|"
    r"included|available|described|answered)\b[^.!?]{0,40}\b(?:documents?|documentation|passages?|text|manuals?)\b"
    r"|\bno (?:information|mention|answer)\b[^.!?]{0,60}\b(?:documents?|documentation|passages?|text|manuals?)\b",
    re.IGNORECASE,
)


def is_refusal(sentence: str) -> bool:
    """Whether a sentence says that the documents do not hold the answer."""
    return _REFUSES.search(sentence) is not None
