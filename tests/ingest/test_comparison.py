"""What changed between two texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.comparison import Change, Hunk, Line, compare

TEXTS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=30)


@given(TEXTS, TEXTS)
def test_hunks_hold_either_text_where_they_lie_and_nothing_else_differs(before: list[str], after: list[str]) -> None:
    made, place = [], 0
    for hunk in compare(before, after):
        old = [line.text for line in hunk.lines if line.change is not Change.ADDED]
        new = [line.text for line in hunk.lines if line.change is not Change.REMOVED]
        assert old == before[slice(*hunk.before)]
        assert new == after[slice(*hunk.after)]
        assert any(line.change is not Change.SAME for line in hunk.lines)
        made += [*before[place : hunk.before[0]], *new]
        place = hunk.before[1]
    assert made + before[place:] == after


def test_lines_around_a_change_are_told_with_it() -> None:
    before = [str(number) for number in range(20)]
    after = [*before[:10], "ten", *before[11:]]
    same = [Line(Change.SAME, text) for text in before]
    changed = [Line(Change.REMOVED, "10"), Line(Change.ADDED, "ten")]
    assert compare(before, after) == [Hunk((7, 14), (7, 14), (*same[7:10], *changed, *same[11:14]))]
    assert compare(before, before) == []
