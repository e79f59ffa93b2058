"""`docqa documents` and `docqa collections`: what the index holds, held before, and is to hold again."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.answer_text import terminal_text
from api.cli.existing_index import require_index
from api.cli.failure import CommandFailed, one_line_errors
from api.cli.ingest import shown_progress
from api.cli.server import by_owner, finished

if TYPE_CHECKING:
    from api.client import Client
    from api.components import LocalComponents
    from api.job_schemas import JobBody
    from ingest.catalog import Catalog
    from ingest.document import Revision
    from ingest.pipeline import Pipeline

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
InCollection = Annotated[str | None, typer.Option("--collection", help="Only this collection's documents.")]
Named = Annotated[str, typer.Argument(metavar="DOCUMENT", help="Its source or its id.", show_default=False)]
Number = Annotated[int | None, typer.Option("--revision", min=1, help="Left out: the last one.")]

app = typer.Typer(help="The documents and their revisions.", invoke_without_command=True)


@app.callback()
def documents(context: typer.Context, collection: InCollection = None, as_json: AsJson = False) -> None:
    """The documents and their revisions; without a command, list them."""
    if context.invoked_subcommand is None:
        listed(collection, removed=False, as_json=as_json)


@app.command("list")
def listed(
    collection: InCollection = None,
    removed: Annotated[bool, typer.Option("--removed", help="Those that were removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the documents with their current revision."""
    with one_line_errors(), _components() as components:
        from api.schemas import DocumentBody, DocumentsBody

        catalog = components.catalog
        found = catalog.removed(collection) if removed else catalog.current(collection)
        body = DocumentsBody(documents=[DocumentBody.of(revision) for revision in found])
        if as_json:
            typer.echo(body.model_dump_json(indent=2))
            return
        for revision in found:
            name = f"{revision.collection}/{revision.source}"
            labels = f", labels {', '.join(revision.labels)}" if revision.labels else ""
            _say(f"{name}  revision {revision.number}, {revision.passage_count} passages{labels}")


@app.command()
def show(document: Named, collection: InCollection = None, revision: Number = None) -> None:
    """Print what a document says, in its canonical form."""
    with one_line_errors(), _components() as components:
        found = _revision(components.catalog, document, collection, revision)
        _say(f"{found.title}\n{_described(found)}\n")
        typer.echo(terminal_text(components.catalog.document(found.id).text))


@app.command()
def history(document: Named, collection: InCollection = None, as_json: AsJson = False) -> None:
    """List a document's revisions and where it stood, oldest first."""
    with one_line_errors(), _components() as components:
        catalog = components.catalog
        last = _revision(catalog, document, collection, None)
        revisions, moves = catalog.history(last.document_id), catalog.moves(last.document_id)
        if as_json:
            body = {
                "document": last.document_id,
                "revisions": [
                    {"revision": r.number, "title": r.title, "valid_from": r.valid_from, "valid_to": r.valid_to}
                    for r in revisions
                ],
                "moves": [{"moved_at": m.moved_at, "root": m.root, "source": m.source} for m in moves],
            }
            typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
            return
        lines = [(r.valid_from, _described(r)) for r in revisions]
        lines += [(m.moved_at, f"{_time(m.moved_at)}  moved away from {m.root}/{m.source}") for m in moves]
        for _, line in sorted(lines):
            _say(line)


@app.command()
def diff(
    document: Named,
    before: Annotated[int | None, typer.Argument(min=1, help="Left out: the last but one.")] = None,
    after: Annotated[int | None, typer.Argument(min=1, help="Left out: the last one.")] = None,
    collection: InCollection = None,
) -> None:
    """Print what changed between two revisions of a document."""
    with one_line_errors(), _components() as components:
        catalog = components.catalog
        new = _revision(catalog, document, collection, after)
        numbers = [r.number for r in catalog.history(new.document_id) if r.number < new.number]
        if before is None and not numbers:
            raise CommandFailed(f"{new.source} has no revision before {new.number}")
        old = _revision(catalog, new.document_id, None, before or numbers[-1])
        was, now = (catalog.document(revision.id).text.splitlines() for revision in (old, new))
        before_name, after_name = (f"{revision.source} revision {revision.number}" for revision in (old, new))
        for line in difflib.unified_diff(was, now, before_name, after_name, lineterm=""):
            _say(line)


@app.command()
def remove(document: Named, collection: InCollection = None) -> None:
    """Take a document out of the index; its history stays, and `restore` brings it back.

    The next ingest brings it back too, unless its file is gone by then. Where a running server owns the data, it does
    the work; so it does for `restore`.
    """
    with one_line_errors(), _components() as components:
        last = _revision(components.catalog, document, collection, None)
        if last.valid_to is not None:
            raise CommandFailed(f"{document} was removed already")
        id = last.document_id
        _changed(components, lambda pipeline: pipeline.remove(id), lambda client: client.remove(id))
        _say(f"removed: {last.collection}/{last.source}")


@app.command()
def restore(document: Named, collection: InCollection = None, revision: Number = None) -> None:
    """Let a removed document, or what an earlier revision said, hold again as the document's next revision."""
    with one_line_errors(), _components() as components:
        found = _revision(components.catalog, document, collection, revision)
        if found.valid_to is None:
            raise CommandFailed(f"revision {found.number} of {found.source} holds already")

        def here(pipeline: Pipeline) -> None:
            try:
                pipeline.restore(found.document_id, found.number)
            except ValueError as error:
                raise CommandFailed(
                    f"another document stands at {found.root}/{found.source} now; remove it first"
                ) from error

        _changed(components, here, lambda client: client.restore(found.document_id, found.number))
        restored = components.catalog.history(found.document_id)[-1]
        _say(
            f"restored: {restored.collection}/{restored.source}, revision {found.number} as revision {restored.number}"
        )


def collections(as_json: AsJson = False) -> None:
    """List the collections that hold documents."""
    with one_line_errors(), _components() as components:
        names = list(components.catalog.collections())
        typer.echo(json.dumps({"collections": names}, indent=2) if as_json else "\n".join(names))


@contextmanager
def _components() -> Iterator[LocalComponents]:
    """Reading the catalog needs neither models nor the lock, and so works beside a running server."""
    from api.components import LocalComponents
    from api.settings import load_settings

    settings = load_settings()
    require_index(settings)
    with LocalComponents(settings) as components:
        yield components


def _changed(components: LocalComponents, here: Callable[[Pipeline], object], job: Callable[[Client], JobBody]) -> None:
    """Have a document changed by this process, or by a ``job`` of the server that owns the data."""

    def there(client: Client) -> object:
        with shown_progress() as show:
            return finished(client, lambda: job(client), show)

    by_owner(components, here, there)


def _revision(catalog: Catalog, document: str, collection: str | None, number: int | None) -> Revision:
    """A revision of a document named by its source or id, removed or not; without a number its last one."""
    known = [*catalog.current(collection), *catalog.removed(collection)]
    named = [r for r in known if r.document_id == document] or [r for r in known if r.source == document]
    standing = [r for r in named if r.valid_to is None] or named
    if not standing:
        raise CommandFailed(f"there is no document {document}; docqa documents list shows those there are")
    if len(standing) > 1:
        ids = ", ".join(f"{r.document_id} ({r.collection}: {r.root})" for r in standing)
        raise CommandFailed(f"{document} may be one of these, name its id: {ids}")
    last = standing[0]
    if number is None:
        return last
    found = catalog.revision(last.document_id, number)
    if found is None:
        kept = ", ".join(str(r.number) for r in catalog.history(last.document_id))
        raise CommandFailed(f"there is no revision {number} of {document}; there are: {kept}")
    return found


def _described(revision: Revision) -> str:
    until = "now" if revision.valid_to is None else _time(revision.valid_to)
    return (
        f"{_time(revision.valid_from)}  {revision.collection}/{revision.source}, revision {revision.number} "
        f"({revision.document_id}@{revision.number}), {revision.passage_count} passages, until {until}"
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _say(text: str) -> None:
    for line in text.split("\n"):
        typer.echo(terminal_text(line))
