"""What commands that read an index ask for first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.cli.failure import CommandFailed

if TYPE_CHECKING:
    from api.settings import Settings


def require_index(settings: Settings, folder: str = "FOLDER") -> None:
    """Raises `CommandFailed`, which tells to ingest ``folder``, where nothing was ever ingested."""
    if not settings.catalog_path.exists():
        raise CommandFailed(f"there is no index in {settings.data_dir} yet; run: docqa ingest {folder}")
