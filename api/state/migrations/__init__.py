"""The database's schema, step by step.

Each step is a file ``NNNN_name.sql`` in the SQL that SQLite and Postgres share. A step that was released is never
changed: further ones follow it. All outstanding steps run in one transaction, and the table ``schema_steps`` keeps
which have run. The tables as the code sees them are in `api.state.tables`; a test compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from sqlalchemy import Connection, text

_FILE = re.compile(r"(\d{4})_\w+\.sql")
_LOCK = 0x646F6371
"""Any number that no other program takes on the same Postgres database."""


class SchemaTooNew(Exception):
    """A newer program has changed the schema; this one does not know how to keep it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the schema."""

    number: int
    statements: tuple[str, ...]


def steps() -> list[Step]:
    """All steps, in their order."""
    found = []
    for resource in files(__package__).iterdir():
        match = _FILE.fullmatch(resource.name)
        if match:
            statements = re.split(r";\s*\n", resource.read_text(encoding="utf-8"))
            found.append(Step(int(match[1]), tuple(part for part in statements if part.strip())))
    return sorted(found, key=lambda step: step.number)


def migrate(connection: Connection) -> None:
    """Bring the schema up to date within the transaction of ``connection``. Raises `SchemaTooNew`."""
    if connection.dialect.name == "postgresql":
        # Of several processes that start at once, one migrates and the others wait for it.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(text("CREATE TABLE IF NOT EXISTS schema_steps (number BIGINT PRIMARY KEY)"))
    done = connection.scalar(text("SELECT max(number) FROM schema_steps")) or 0
    known = steps()
    if done > known[-1].number:
        raise SchemaTooNew(f"schema step {done} was made by a newer program; this one knows {known[-1].number}")
    for step in known:
        if step.number > done:
            for statement in step.statements:
                connection.execute(text(statement))
            connection.execute(text("INSERT INTO schema_steps VALUES (:number)"), {"number": step.number})
