from __future__ import annotations

import pytest

from decoding.attention import AttentionQuery


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [(0, 3, (0, 0)), (5, 5, (0, 2)), (5, 4, (0, 2)), (5, 8, (2, 2)), (5, 8, (-1, 2)), (5, 8, (2, 6))],
)
def test_what_is_no_question_is_refused(start: int, end: int, span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="token"):
        AttentionQuery(start, end, (span,), ((0, 0),))


def test_somebody_must_be_asked() -> None:
    with pytest.raises(ValueError, match="head"):
        AttentionQuery(5, 8, ((0, 2),), ())
    assert AttentionQuery(5, 8, (), ((0, 0),)).spans == ()
