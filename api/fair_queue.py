"""Which of the waiting questions is next.

People go before programs that work through a list, but not for ever: after a few of theirs one of the batch is taken.
Among equals the caller that was served longest ago is next, so that nobody fills the queue for all others; what one
caller sent stays in its order. This is round robin between callers, with strict priority softened by a quota.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

INTERACTIVE_IN_A_ROW = 4
"""Questions of people that may pass a waiting one of the batch."""


class FairQueue(Generic[T]):
    """Items by caller, in two classes. For one thread at a time."""

    def __init__(self) -> None:
        self._interactive = _RoundRobin[T]()
        self._batch = _RoundRobin[T]()
        self._passed = 0

    def __len__(self) -> int:
        return len(self._interactive) + len(self._batch)

    def __iter__(self) -> Iterator[T]:
        yield from self._interactive
        yield from self._batch

    @property
    def batch(self) -> int:
        """Items of the batch."""
        return len(self._batch)

    def add(self, item: T, caller: str, *, batch: bool) -> None:
        """Put it in."""
        (self._batch if batch else self._interactive).add(item, caller)

    def discard(self, item: T) -> None:
        """Take it out if it is there."""
        self._interactive.discard(item)
        self._batch.discard(item)

    def take(self, *, batch: bool = True) -> T | None:
        """Take the next one out, of the ``batch`` only if it may be; None when there is none."""
        batch_waits = batch and len(self._batch) > 0
        if len(self._interactive) and not (batch_waits and self._passed >= INTERACTIVE_IN_A_ROW):
            self._passed = self._passed + 1 if batch_waits else 0
            return self._interactive.take()
        self._passed = 0
        return self._batch.take() if batch else None


class _RoundRobin(Generic[T]):
    """Callers in the order of their turn, each with its items."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._callers.values()))

    def __iter__(self) -> Iterator[T]:
        for items in self._callers.values():
            yield from items

    def add(self, item: T, caller: str) -> None:
        self._callers.setdefault(caller, deque()).append(item)

    def discard(self, item: T) -> None:
        for caller, items in self._callers.items():
            if item in items:
                items.remove(item)
                if not items:
                    del self._callers[caller]
                return

    def take(self) -> T | None:
        if not self._callers:
            return None
        caller, items = self._callers.popitem(last=False)
        item = items.popleft()
        if items:
            self._callers[caller] = items  # at the end: the others go first
        return item
