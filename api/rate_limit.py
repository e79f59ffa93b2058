"""How many requests a caller may send in a minute."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

WINDOW_S = 60.0
MAX_CALLERS = 10_000


class RateLimits:
    """A token bucket for each caller: it holds a minute's requests and fills evenly."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, per_minute: int) -> int:
        """Count a request of ``caller``: 0 if it may pass, else the whole seconds until one may."""
        now = self._clock()
        rate = per_minute / WINDOW_S
        with self._lock:
            tokens, since = self._buckets.pop(caller, (float(per_minute), now))
            tokens = min(float(per_minute), tokens + (now - since) * rate)
            passes = tokens >= 1
            self._buckets[caller] = (tokens - 1 if passes else tokens, now)
            if len(self._buckets) > MAX_CALLERS:
                self._buckets.popitem(last=False)
        return 0 if passes else max(1, math.ceil((1 - tokens) / rate))
