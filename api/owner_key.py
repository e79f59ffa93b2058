"""The key by which commands at this machine speak to the server that owns the data folder.

A server leaves it in a file that only its own user can read, as long as it runs. Who can read that could read every
document anyway; so it opens everything, and any folder may be ingested by it.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from api.access import Caller, Role
from api.state.keys import PREFIX

OWNER = Caller("cli", Role.ADMIN, labels=None, owner=True)


@dataclass(frozen=True, slots=True)
class OwnerKey:
    """Where the server of ``process`` is reached from this machine, and the key to it."""

    process: int
    url: str
    secret: str


@contextmanager
def left_in(path: Path, url: str) -> Iterator[OwnerKey]:
    """A new key, which lies in the file ``path`` while the body of the ``with`` statement runs. Raises OSError."""
    made = OwnerKey(os.getpid(), url, f"{PREFIX}owner_{secrets.token_urlsafe(32)}")
    path.unlink(missing_ok=True)  # of a server that was killed; another user's would keep its rights
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(made), file)
    try:
        yield made
    finally:
        path.unlink(missing_ok=True)


def found_in(path: Path) -> OwnerKey | None:
    """The key that a server left; None where there is none for this user."""
    try:
        return OwnerKey(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
