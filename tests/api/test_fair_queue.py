from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.fair_queue import INTERACTIVE_IN_A_ROW, FairQueue


def filled(*entries: tuple[str, str, bool]) -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue()
    for item, caller, batch in entries:
        queue.add(item, caller, batch=batch)
    return queue


def drained(queue: FairQueue[str]) -> list[str]:
    return [item for item in iter(queue.take, None) if item is not None]


def test_callers_take_turns_each_in_its_own_order() -> None:
    queue = filled(*((f"a{n}", "a", False) for n in range(3)), ("b0", "b", False), ("c0", "c", False))
    assert drained(queue) == ["a0", "b0", "c0", "a1", "a2"]


def test_people_go_first_but_not_for_ever() -> None:
    people = INTERACTIVE_IN_A_ROW + 2
    queue = filled(("x", "bot", True), ("y", "bot", True), *((f"p{n}", f"{n}", False) for n in range(people)))
    order = drained(queue)
    assert order.index("x") == INTERACTIVE_IN_A_ROW
    assert order[-1] == "y"


@pytest.mark.parametrize("batch", [True, False])
def test_what_was_withdrawn_is_never_taken(batch: bool) -> None:
    queue = filled(("a", "x", batch), ("b", "x", batch))
    queue.discard("a")
    queue.discard("unknown")
    assert (len(queue), list(queue), drained(queue), queue.take()) == (1, ["b"], ["b"], None)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=30))
def test_everything_is_taken_once_and_nobody_waits_longer_than_the_quota(entries: list[tuple[int, bool]]) -> None:
    items = [(f"{number}", f"{caller}", batch) for number, (caller, batch) in enumerate(entries)]
    is_batch = {item: batch for item, _, batch in items}
    queue = filled(*items)
    assert len(queue) == len(items)
    order = drained(queue)
    assert sorted(order) == sorted(is_batch)
    waiting = sum(is_batch.values())
    passed = 0
    for item in order:
        passed = 0 if is_batch[item] else passed + 1
        waiting -= is_batch[item]
        assert not waiting or passed <= INTERACTIVE_IN_A_ROW
