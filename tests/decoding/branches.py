"""The branches of a tree, so that each can be compared with the chain it stands for."""

from __future__ import annotations

from dataclasses import dataclass

from decoding.tree import StepTree


@dataclass(frozen=True, slots=True)
class Branch:
    """A path from the root to a leaf, as indices of tokens; its first ``shared`` ones are on an earlier branch too."""

    path: tuple[int, ...]
    shared: int


def branches(step: StepTree) -> list[Branch]:
    """One for each leaf, so that every token is on at least one."""
    found: list[Branch] = []
    seen: set[int] = set()
    inner = set(step.parents)
    for leaf in range(len(step.parents)):
        if leaf in inner:
            continue
        path = step.path_to(leaf)
        found.append(Branch(path, sum(index in seen for index in path)))
        seen.update(path)
    return found
