"""How a command fails: one line on standard error and an exit code, never a traceback for what can be expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pydantic import ValidationError

FAILED = 1
USAGE = 2
FAILED_FILES = 3
UNCONFIRMED = 4


class CommandFailed(Exception):
    """The command can't do what it was asked; the message says why and what to do."""


def unusable(error: ValidationError) -> CommandFailed:
    """The failure of a command whose arguments make no request: the first of its fields that is wrong, and why."""
    details = error.errors()[0]
    return CommandFailed(f"{details['loc'][0]}: {details['msg']}")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn expected errors into a line on standard error and exit code 1."""
    try:
        yield
    except Exception as error:
        if not _expected(error):
            raise
        typer.secho(f"docqa: {error}", fg=typer.colors.RED, err=True)
        raise typer.Exit(FAILED) from error


def _expected(error: Exception) -> bool:
    # Imported once something failed: the command line must not wait for these to start.
    from api.client import ServerFailed
    from api.components import VectorsMissing
    from api.data_lock import DataLocked
    from api.settings import SettingsError
    from api.state.database import DatabaseUnusable
    from decoding.catalogue import UnknownModel
    from decoding.store import ModelMissing
    from ingest.backup import BackupUnusable
    from ingest.catalog import CatalogUnusable
    from ingest.embedder import EmbedderUnusable
    from ingest.vectors import VectorsUnusable
    from ingest.workers import WorkersUnusable
    from qa.reranker import RerankerUnusable

    own = (CommandFailed, ServerFailed, DataLocked, SettingsError, VectorsMissing, DatabaseUnusable)
    parts = (
        UnknownModel,
        ModelMissing,
        CatalogUnusable,
        EmbedderUnusable,
        RerankerUnusable,
        VectorsUnusable,
        WorkersUnusable,
        BackupUnusable,
    )
    return isinstance(error, (*own, *parts, OSError))
