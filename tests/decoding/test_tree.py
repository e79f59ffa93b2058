"""The tokens of a step as a tree."""

from __future__ import annotations

from decoding.tree import StepTree
from tests.decoding.branches import Branch, branches


def test_a_chain_is_one_branch() -> None:
    step = StepTree.of(7, 3, None)
    assert step == StepTree(7, (-1, 0, 1))
    assert step.is_chain
    assert step.depths == [0, 1, 2]
    assert branches(step) == [Branch((0, 1, 2), 0)]


def test_branches_share_what_came_before() -> None:
    step = StepTree.of(7, 6, [-1, 0, 1, 0, -1, 3])
    assert not step.is_chain
    assert step.depths == [0, 1, 2, 1, 0, 2]
    assert branches(step) == [Branch((0, 1, 2), 0), Branch((4,), 0), Branch((0, 3, 5), 1)]
    assert step.path_to(5) == (0, 3, 5)
    assert step.path_to(-1) == ()
