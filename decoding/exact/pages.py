"""Memory for keys and values, in pages of 64 tokens that sequences share as long as they agree."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from decoding.exact.memory import aligned
from decoding.exact.shape import Shape

PAGE = 64
"""Tokens of a page; a constant of the kernels."""

_SPARE = 64
"""Free pages that are kept for the next sequence."""

Page = npt.NDArray[np.uint8]


class PagePool:
    """Pages of one model, counted by the sequences that use them; free ones are used again."""

    def __init__(self, shape: Shape) -> None:
        # Keys and values as 16-bit integers, and a float32 scale for each key and each value.
        self.page_bytes = shape.layers * shape.key_heads * 2 * PAGE * (2 * shape.head_width + 4)
        self._free: list[Page] = []
        self._users: dict[int, int] = {}
        self._lock = threading.Lock()

    def take(self) -> Page:
        """A page of one's own; what is in it is undefined."""
        with self._lock:
            page = self._free.pop() if self._free else aligned(self.page_bytes)
            self._users[_address(page)] = 1
            return page

    def share(self, page: Page) -> Page:
        """The same page for one user more."""
        with self._lock:
            self._users[_address(page)] += 1
            return page

    def own(self, page: Page) -> Page:
        """A page with the same content that nobody else uses, in exchange for ``page``."""
        with self._lock:
            if self._users[_address(page)] == 1:
                return page
        copied = self.take()
        copied[:] = page
        self.give_back(page)
        return copied

    def give_back(self, page: Page) -> None:
        """One user less."""
        with self._lock:
            address = _address(page)
            self._users[address] -= 1
            if not self._users[address]:
                del self._users[address]
                if len(self._free) < _SPARE:
                    self._free.append(page)

    @property
    def used_bytes(self) -> int:
        """Memory of the pages that some sequence uses, each counted once."""
        return len(self._users) * self.page_bytes


class PageTable:
    """The pages of one sequence, in order, and their addresses for the kernels."""

    def __init__(self, pool: PagePool) -> None:
        self._pool = pool
        self._pages: list[Page] = []
        self.addresses = np.zeros(0, np.uint64)

    @property
    def bytes(self) -> int:
        """Memory of these pages, shared ones included."""
        return len(self._pages) * self._pool.page_bytes

    def reserve(self, start: int, tokens: int) -> None:
        """Make positions from ``start`` up to ``tokens`` writable without anybody else's noticing."""
        count = -(-tokens // PAGE)
        for index in range(start // PAGE, min(count, len(self._pages))):
            self._pages[index] = self._pool.own(self._pages[index])
        while len(self._pages) < count:
            self._pages.append(self._pool.take())
        self._note()

    def fork(self, tokens: int) -> PageTable:
        """A table that shares the pages of the first ``tokens`` positions."""
        forked = PageTable(self._pool)
        forked._pages = [self._pool.share(page) for page in self._pages[: -(-tokens // PAGE)]]
        forked._note()
        return forked

    def truncate(self, tokens: int) -> None:
        """Give back the pages behind the first ``tokens`` positions."""
        count = -(-tokens // PAGE)
        for page in self._pages[count:]:
            self._pool.give_back(page)
        del self._pages[count:]
        self._note()

    def _note(self) -> None:
        self.addresses = np.array([_address(page) for page in self._pages], np.uint64)


def _address(page: Page) -> int:
    return page.ctypes.data
