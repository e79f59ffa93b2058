"""`docqa unanswered`: the questions that the documents left open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.actor import actor, day
from api.cli.answer_text import place_text, terminal_text
from api.cli.failure import CommandFailed, one_line_errors
from api.cli.server import Key, Server, named_server, owning_server, refuse_lonely_key

if TYPE_CHECKING:
    from api.components import LocalComponents
    from api.state.unanswered import Entry
    from api.unanswered_schemas import UnansweredBody

app = typer.Typer(help="Questions that the documents left open: list, ask again, remove.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(help="Its id, as the list shows it.")]
PAGE = 200


@app.command(name="list")
def list_unanswered(
    collection: Annotated[str | None, typer.Option(help="Left out: all collections.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those that were closed.")] = False,
    as_json: AsJson = False,
) -> None:
    """List them, the last asked first; questions near to each other are one entry."""
    with one_line_errors(), _components() as components:
        components.memory.unanswered.sweep(components.settings.unanswered_days)
        bodies = [_body(entry) for entry in _all(components, collection, closed=closed)]
        if as_json:
            typer.echo(json.dumps({"unanswered": [body.model_dump(mode="json") for body in bodies]}, indent=2))
            return
        for body in bodies:
            typer.echo(_line(body))


@app.command()
def show(id: Id) -> None:
    """Show one with its questions and the sections nearest to it."""
    with one_line_errors(), _components() as components:
        entry = _find(components, id)
        typer.echo(_line(_body(entry)))
        for asking in components.memory.unanswered.askings(entry.id, PAGE):
            typer.echo(terminal_text(f"  {day(asking.asked_at)}  {asking.reason.value:<11}  {asking.question}"))
        for place in entry.nearest:
            typer.echo(f"  near: {place_text(place.title, place.revision, place.section_path)}")


@app.command()
def recheck(
    ids: Annotated[list[str] | None, typer.Argument(help="Left out: all open ones.")] = None,
    server: Server = None,
    key: Key = None,
) -> None:
    """Ask them again, of the local data or the server that owns it, and close those that are answered now."""
    with one_line_errors(), _components() as components:
        refuse_lonely_key(server, key)
        if server is not None:
            with named_server(components.settings, server, key) as client:
                for id in ids or [body.id for body in client.unanswered()]:
                    typer.echo(_line(client.recheck(id)))
            return
        entries = [_find(components, id) for id in ids] if ids else list(_all(components, None, closed=False))
        with _rechecker(components) as check:
            for entry in entries:
                typer.echo(_line(check(entry)))


@app.command()
def remove(id: Id) -> None:
    """Remove one with all its questions."""
    with one_line_errors(), _components() as components:
        entry = _find(components, id)
        components.memory.unanswered.delete(entry.id)
        components.memory.audit.add(actor(), "unanswered.delete", entry.id, {"collection": entry.collection})
        typer.echo(f"{entry.id} is removed")


@contextmanager
def _components() -> Iterator[LocalComponents]:
    """The service's database, beside a running server too."""
    from api.components import LocalComponents
    from api.settings import load_settings

    with LocalComponents(load_settings()) as components:
        yield components


@contextmanager
def _rechecker(components: LocalComponents) -> Iterator[Callable[[Entry], UnansweredBody]]:
    """What asks the question of an entry again and says what has become of it."""
    from api.cli.ask import local_answer
    from api.data_lock import DataLocked
    from api.unanswered_queue import UnansweredQueue

    def check(entry: Entry) -> UnansweredBody:
        question = entry.question[: components.settings.max_question_length]
        queue = UnansweredQueue(components.memory, components.matcher, components.settings)
        checked = queue.rechecked(entry, local_answer(components, question, entry.collection), actor())
        if checked.resolution is not None:
            details = {"collection": checked.collection, "resolution": checked.resolution.value}
            components.memory.audit.add(actor(), "unanswered.close", checked.id, details)
        return _body(checked)

    try:
        components.own_vectors()
    except DataLocked as error:
        with owning_server(components.settings, error) as client:
            yield lambda entry: client.recheck(entry.id)
    else:
        yield check


def _all(components: LocalComponents, collection: str | None, *, closed: bool) -> Iterator[Entry]:
    cursor: str | None = None
    while True:
        page = components.memory.unanswered.page(PAGE, cursor, collection, closed=closed)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _find(components: LocalComponents, id: str) -> Entry:
    try:
        return components.memory.unanswered.find(id)
    except KeyError as error:
        raise CommandFailed(f"there is no entry {id!r} in the queue; see: docqa unanswered list") from error


def _body(entry: Entry) -> UnansweredBody:
    from api.unanswered_schemas import UnansweredBody

    return UnansweredBody.of(entry, lambda _: True)  # whoever can read the data folder can read every document


def _line(body: UnansweredBody) -> str:
    reasons = [f"{count} {name}" for name in ("refused", "unsupported", "disliked") if (count := getattr(body, name))]
    state = "open" if body.resolution is None else f"closed: {body.resolution.value}"
    parts = [body.id, state, body.collection, ", ".join(reasons), f"last {day(body.last_at)}", body.question]
    return terminal_text("  ".join(parts))
