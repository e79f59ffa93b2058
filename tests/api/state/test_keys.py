from __future__ import annotations

from pathlib import Path

import pytest

from api.access import Permission, Role
from api.state.database import Database
from api.state.keys import USE_RESOLUTION_S, KeyRequest, Keys
from tests.api.state.conftest import Clock


@pytest.fixture
def keys(database: Database, clock: Clock) -> Keys:
    return Keys(database, clock)


def test_a_key_opens_what_it_was_made_for(keys: Keys) -> None:
    request = KeyRequest("bot", Role.CURATOR, [Permission.ASK, Permission.INGEST], ["manuals"], True, 60)
    made, secret = keys.create(request)
    checked = keys.check(secret)
    assert checked is not None
    assert checked.id == made.id
    caller = checked.caller
    assert (caller.may(Permission.ASK), caller.may(Permission.READ), caller.may(Permission.ADMIN)) == (
        True,
        False,
        False,
    )
    assert (caller.sees("manuals"), caller.sees("policies")) == (True, False)
    assert (caller.batch, caller.requests_per_minute) == (True, 60)


@pytest.mark.parametrize(
    ("role", "labels", "held"),
    [
        (Role.READER, None, frozenset()),
        (Role.CURATOR, ["HR", "board"], frozenset({"hr", "board"})),
        (Role.ADMIN, None, None),
        (Role.ADMIN, [], frozenset()),
    ],
)
def test_a_key_holds_its_labels_or_what_its_role_does(
    keys: Keys, role: Role, labels: list[str] | None, held: frozenset[str] | None
) -> None:
    _, secret = keys.create(KeyRequest("bot", role, labels=labels))
    found = keys.check(secret)
    assert found is not None
    assert found.caller.labels == held


def test_scopes_never_add_to_the_role(keys: Keys) -> None:
    made, _ = keys.create(KeyRequest("bot", Role.READER, [Permission.ADMIN, Permission.READ]))
    assert not made.caller.may(Permission.ADMIN)
    assert made.caller.may(Permission.READ)


def test_the_secret_is_nowhere_in_the_database(keys: Keys, tmp_path: Path) -> None:
    made, secret = keys.create(KeyRequest("bot"))
    assert secret.startswith(made.prefix)
    assert len(made.prefix) < len(secret) / 3
    for path in tmp_path.rglob("app.sqlite*"):
        assert secret.encode() not in path.read_bytes()


@pytest.mark.parametrize("wrong", ["", "docqa_", "docqa_x", "ünlaut", "x" * 10_000])
def test_another_secret_opens_nothing(keys: Keys, wrong: str) -> None:
    keys.create(KeyRequest("bot"))
    assert keys.check(wrong) is None


def test_a_revoked_key_opens_nothing(keys: Keys) -> None:
    made, secret = keys.create(KeyRequest("bot"))
    other, other_secret = keys.create(KeyRequest("other"))
    assert keys.revoke(made.prefix).revoked_at is not None
    assert keys.check(secret) is None
    assert keys.check(other_secret) is not None
    with pytest.raises(KeyError):
        keys.revoke(made.id)
    keys.revoke(other.id)
    assert [key.revoked_at is None for key in keys.list()] == [False, False]


def test_a_key_ends_when_it_expires(keys: Keys, clock: Clock) -> None:
    _, secret = keys.create(KeyRequest("bot", expires_at=2_000.0))
    assert keys.check(secret) is not None
    clock.now = 1_999.5
    assert keys.check(secret) is None


def test_the_last_use_is_noted_now_and_then(keys: Keys, clock: Clock) -> None:
    _, secret = keys.create(KeyRequest("bot"))
    assert keys.list()[0].last_used_at is None
    keys.check(secret)
    first = keys.list()[0].last_used_at
    keys.check(secret)
    assert keys.list()[0].last_used_at == first == 1_002.0
    clock.now += USE_RESOLUTION_S
    keys.check(secret)
    assert keys.list()[0].last_used_at == clock.now
