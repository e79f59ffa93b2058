from __future__ import annotations

from api.job_progress import Pace
from ingest.progress import Phase, Progress


def test_rate_and_time_left_follow_from_what_is_done() -> None:
    times = iter([100.0, 110.0, 120.0, 130.0])
    pace = Pace(lambda: next(times))
    first = pace.at(Progress(Phase.INGESTING, "a", 1, 4, 0, 400, 0))
    assert (first.passages_per_s, first.seconds_left) == (0.0, None)
    second = pace.at(Progress(Phase.INGESTING, "b", 2, 4, 100, 400, 50))
    assert (second.passages_per_s, second.seconds_left) == (5.0, 30.0)
    # A further phase counts anew, and by documents where there are no sizes.
    assert pace.at(Progress(Phase.RESTORING, "c", 1, 3, 0, 0, 9)).seconds_left is None
    assert pace.at(Progress(Phase.RESTORING, "d", 2, 3, 0, 0, 9)).seconds_left == 20.0
