"""`docqa documents` and `docqa collections`: what the index holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.failure import CommandFailed, one_line_errors

if TYPE_CHECKING:
    from ingest.catalog import Catalog

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def documents(
    collection: Annotated[str | None, typer.Option(help="Only this collection's documents.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the documents with their current revision."""
    with one_line_errors(), _catalog() as catalog:
        from api.cli.answer_text import terminal_text
        from api.schemas import DocumentBody, DocumentsBody

        body = DocumentsBody(documents=[DocumentBody.of(revision) for revision in catalog.current(collection)])
        if as_json:
            typer.echo(body.model_dump_json(indent=2))
            return
        for document in body.documents:
            name = f"{document.collection}/{document.source}"
            typer.echo(terminal_text(f"{name}  revision {document.revision}, {document.passages} passages"))


def collections(as_json: AsJson = False) -> None:
    """List the collections that hold documents."""
    with one_line_errors(), _catalog() as catalog:
        names = list(catalog.collections())
        typer.echo(json.dumps({"collections": names}, indent=2) if as_json else "\n".join(names))


@contextmanager
def _catalog() -> Iterator[Catalog]:
    """The catalog alone: reading it needs neither models nor the lock, and so works beside a running server."""
    from api.components import LocalComponents
    from api.settings import load_settings

    settings = load_settings()
    if not settings.catalog_path.exists():
        raise CommandFailed(f"there is no index in {settings.data_dir} yet; run: docqa ingest FOLDER")
    with LocalComponents(settings) as components:
        yield components.catalog
