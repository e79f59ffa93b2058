from __future__ import annotations

import pytest

from decoding.catalogue import load_catalogue
from qa.manners import _MEASURED, Manner, manner_of
from qa.prompt import system_prompt
from qa.refusal import REFUSAL


def test_a_model_nobody_measured_is_told_to_refuse() -> None:
    assert manner_of("some-7b") == Manner("default", None)
    assert REFUSAL in system_prompt(manner_of("some-7b").rules)


@pytest.mark.parametrize("model", sorted(_MEASURED))
def test_a_model_that_always_answers_is_asked_back(model: str) -> None:
    manner = manner_of(model)
    assert model in load_catalogue()
    assert (REFUSAL in system_prompt(manner.rules)) != (manner.review is not None)
