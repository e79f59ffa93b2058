"""`docqa`: the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli import (
    ask,
    bench,
    chat,
    curated,
    documents,
    evaluate,
    ingest,
    keys,
    maintenance,
    models,
    search,
    serve,
    unanswered,
)

app = typer.Typer(
    help="Cited answers from your own documentation.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(ask.ask)
app.command()(search.search)
app.command()(chat.chat)
app.command()(serve.serve)
app.command()(ingest.ingest)
app.command()(ingest.ingest)
app.command()(documents.collections)
app.command()(maintenance.check)
app.command()(maintenance.rebuild)
app.command()(maintenance.backup)
app.command()(maintenance.restore)
app.add_typer(documents.app, name="documents")
app.add_typer(curated.app, name="curated")
app.add_typer(unanswered.app, name="unanswered")
app.add_typer(keys.app, name="keys")
app.add_typer(models.app, name="models")
app.add_typer(evaluate.app, name="eval")
app.add_typer(bench.app, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        from api.version import package_version

        typer.echo(f"docqa {package_version()}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Cited answers from your own documentation."""
