"""How each language model is asked, and what its own doubts are worth: found by measuring, model by model."""

from __future__ import annotations

from dataclasses import dataclass

from qa.review import Review, Weights


@dataclass(frozen=True, slots=True)
class Manner:
    """``rules`` names the system prompt; ``review`` is None where the model's refusals are taken as they come."""

    rules: str = "default"
    review: Review | None = None


_MEASURED = {
    # Fitted on the sample questions with answerable and other ones weighing the same; see DECISIONS.md, 2026-11-30.
    "qwen2.5-coder-1.5b-instruct": Manner(
        "always-answer",
        Review(
            weights=Weights(stands=1.95, words=5.04, attention=4.81, bias=-8.5),
            unseen=Weights(stands=2.24, words=5.79, bias=-8.2),
            heads=((16, 2), (16, 5), (19, 1), (20, 9)),
        ),
    ),
}


def manner_of(model: str) -> Manner:
    """The manner that was measured for the catalogue's ``model``, or one that does for any."""
    return _MEASURED.get(model, Manner())
