"""`docqa search`: the passages that fit a query, as they are written."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.asker import asker, moment
from api.cli.failure import one_line_errors, unusable
from api.cli.server import Key, Server

if TYPE_CHECKING:
    from api.search_schemas import FoundBody


def search(
    query: Annotated[str, typer.Argument(help="A question or some words.")],
    collection: Annotated[
        str | None, typer.Option(help="Documents to search; left out: the default collection.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Passages, 50 at most.")] = 5,
    offset: Annotated[int, typer.Option(help="Passages to leave out at the beginning.")] = 0,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Search what held then: a date, a time or DOCUMENT@REVISION."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    server: Server = None,
    key: Key = None,
) -> None:
    """Find the passages that fit a query, letter for letter, without the language model.

    Works on the local data folder; where a running server owns that, the server is asked.
    """
    with one_line_errors():
        from pydantic import ValidationError

        from api.search_schemas import SearchRequest
        from api.settings import load_settings

        settings = load_settings()
        try:
            request = SearchRequest(
                query=query, collection=collection, limit=limit, offset=offset, as_of=moment(settings, as_of)
            )
        except ValidationError as error:
            raise unusable(error) from error
        with asker(settings, server, key) as there:
            body = there.search(request)
        if as_json:
            typer.echo(body.model_dump_json(indent=2))
            return
        if not body.results:
            typer.echo("Nothing found.", err=True)
        for found in body.results:
            for line in _lines(found):
                typer.echo(line)
        if body.next_offset is not None:
            typer.secho(f"More with --offset {body.next_offset}.", dim=True, err=True)


def _lines(found: FoundBody) -> Iterator[str]:
    from api.cli.answer_text import place_text, terminal_text

    pages = [] if found.pages is None else sorted(set(found.pages))
    yield f" [{found.number}] {place_text(found.title, found.revision, found.section_path, pages)}"
    yield typer.style(f"     {terminal_text(found.source)}, score {found.score:.2f}", dim=True)
    yield textwrap.indent(terminal_text(found.text), "     ")
    yield ""
