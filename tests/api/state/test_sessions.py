from __future__ import annotations

import pytest

from api.state import sessions as module
from api.state.database import Database
from api.state.sessions import SIGN_IN_S, Sessions
from tests.api.state.conftest import Clock


@pytest.fixture
def kept(database: Database, clock: Clock) -> Sessions:
    return Sessions(database, clock)


def test_a_session_lasts_as_long_as_it_was_given(kept: Sessions, clock: Clock) -> None:
    secret = kept.create("ada", {"writers", "engineers"}, 100)
    found = kept.find(secret)
    assert found
    assert (found.user, found.groups) == ("ada", frozenset({"writers", "engineers"}))
    assert kept.find(secret + "x") is None
    clock.now += 100
    assert kept.find(secret) is None


def test_signing_out_ends_one_session(kept: Sessions) -> None:
    first, second = kept.create("ada", (), 100), kept.create("ada", (), 100)
    kept.end(first)
    kept.end(first)
    assert kept.find(first) is None
    assert kept.find(second)


def test_a_sign_in_ends_once_and_in_time(kept: Sessions, clock: Clock) -> None:
    begun = kept.begin_sign_in("/a")
    assert kept.end_sign_in(begun.nonce) is None
    assert kept.end_sign_in(begun.state) == begun
    assert kept.end_sign_in(begun.state) is None
    late = kept.begin_sign_in("/")
    clock.now += SIGN_IN_S
    assert kept.end_sign_in(late.state) is None


def test_sign_ins_under_way_are_bounded(kept: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIGN_INS", 3)
    begun = [kept.begin_sign_in("/") for _ in range(5)]
    assert [kept.end_sign_in(attempt.state) is not None for attempt in begun] == [False, False, True, True, True]
