"""`docqa check`, `rebuild`, `backup` and `restore`: keeping the index whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from api.cli.answer_text import terminal_text
from api.cli.existing_index import require_index
from api.cli.failure import FAILED, CommandFailed, one_line_errors
from api.cli.ingest import shown_progress


def check() -> None:
    """Compare catalog, lexical indexes and vectors; each disagreement is a line, and the exit code then 1.

    Beside a running server the vectors, which are that server's, are left out.
    """
    with one_line_errors():
        from api.components import LocalComponents
        from api.data_lock import DataLocked
        from api.settings import load_settings
        from ingest.consistency import content_faults, database_faults, vector_faults

        settings = load_settings()
        require_index(settings)
        with LocalComponents(settings) as components:
            catalog = components.catalog
            faults = _say_all(database_faults(catalog.database)) + _say_all(content_faults(catalog))
            try:
                faults += _say_all(vector_faults(catalog, components.vectors))
            except DataLocked as error:
                typer.echo(f"vectors are not checked: {error}", err=True)
            documents = len(catalog.current())
    if faults:
        raise typer.Exit(FAILED)
    typer.echo(f"{documents:,} documents: all in place")


def _say_all(faults: Iterable[str]) -> int:
    """Print each as it is found; how many there were."""
    said = 0
    for fault in faults:
        typer.echo(terminal_text(fault))
        said += 1
    return said


def rebuild(
    collection: Annotated[str | None, typer.Option(help="Only this collection; left out: all of them.")] = None,
) -> None:
    """Make lexical indexes and vectors anew from the catalog, with the embedder that is set now.

    Those that are there answer until the new ones are complete.
    """
    with one_line_errors():
        from api.components import LocalComponents
        from api.settings import load_settings

        with LocalComponents(load_settings()) as components, shown_progress() as show:
            known = components.catalog.collections()
            if collection is not None and collection not in known:
                raise CommandFailed(f"there is no collection {collection}; there are: {', '.join(known)}")
            components.own_data()
            components.catalog.rebuild_indexes()
            for name in known if collection is None else [collection]:
                embedded = components.pipeline.rebuild(name, show)
                typer.echo(terminal_text(f"{name}: made anew, {embedded:,} passages embedded"))


def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that does not exist.", show_default=False)],
) -> None:
    """Copy the databases of the data folder and the files that were uploaded, also while a server is using them."""
    with one_line_errors():
        from api.settings import load_settings
        from ingest.backup import back_up

        settings = load_settings()
        held = back_up(settings.data_dir, target, settings.uploads_dir)
        typer.echo(terminal_text(f"{target}: {', '.join(held.databases)}; {held.uploads:,} uploaded files"))


def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="What backup made.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Put aside what the data folder holds now.")] = False,
) -> None:
    """Put a backup into the data folder and make its vectors anew."""
    with one_line_errors():
        from api.components import LocalComponents
        from api.settings import load_settings
        from ingest.backup import restore as put_back

        settings = load_settings()
        with LocalComponents(settings) as components, shown_progress() as show:
            components.own_data()
            aside = put_back(source, settings.data_dir, settings.uploads_dir, replace=replace)
            if aside is not None:
                typer.echo(terminal_text(f"what was there is in {aside}"))
            for collection in components.catalog.collections():
                components.pipeline.mend(collection, show)
        typer.echo(terminal_text(f"{settings.data_dir} holds what was backed up in {source}"))
