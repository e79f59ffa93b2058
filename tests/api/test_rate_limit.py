from __future__ import annotations

from api.rate_limit import MAX_CALLERS, RateLimits


def test_a_minute_s_requests_may_come_at_once_then_evenly() -> None:
    now = [0.0]
    limits = RateLimits(lambda: now[0])
    assert [limits.take("a", 3) for _ in range(4)] == [0, 0, 0, 20]
    now[0] = 19.9
    assert limits.take("a", 3) == 1
    now[0] = 20.1
    assert [limits.take("a", 3), limits.take("a", 3)] == [0, 20]
    assert limits.take("b", 3) == 0


def test_idle_time_saves_up_no_more_than_a_minute() -> None:
    now = [0.0]
    limits = RateLimits(lambda: now[0])
    limits.take("a", 2)
    now[0] = 3600.0
    assert [limits.take("a", 2) for _ in range(3)] == [0, 0, 30]


def test_many_callers_need_bounded_memory() -> None:
    limits = RateLimits(lambda: 0.0)
    for number in range(MAX_CALLERS + 10):
        limits.take(str(number), 1)
    assert limits.take(str(MAX_CALLERS), 1) > 0
    assert limits.take("0", 1) == 0
