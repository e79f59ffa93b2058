"""`docqa chat`: questions one after the other, each understood after the ones before it."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.asker import asker
from api.cli.failure import CommandFailed, one_line_errors
from api.cli.server import Key, Server

if TYPE_CHECKING:
    from api.schemas import TurnBody

NEW = "/new"


def chat(
    collection: Annotated[str | None, typer.Option(help="Documents to ask; left out: the default collection.")] = None,
    server: Server = None,
    key: Key = None,
) -> None:
    """Ask several questions, the later ones as follow-ups of the earlier; /new begins anew, an empty line ends.

    Ctrl-C stops an answer. Works on the local data folder; where a running server owns that, the server is asked.
    """
    with one_line_errors():
        from api.cli.ask import request_of, show
        from api.client import ServerFailed
        from api.schemas import MAX_TURN_LENGTH, MAX_TURNS, TurnBody
        from api.settings import load_settings

        turns: list[TurnBody] = []
        with asker(load_settings(), server, key) as there:
            while question := _read():
                if question == NEW:
                    turns = []
                    continue
                try:
                    with closing(there.ask(request_of(question, collection, history=turns[-MAX_TURNS:]))) as events:
                        body = show(events)
                except (CommandFailed, ServerFailed) as error:
                    typer.echo(f"docqa: {error}", err=True)
                except KeyboardInterrupt:
                    typer.echo("\n(stopped)", err=True)
                else:
                    turns.append(TurnBody(question=question, answer=body.answer[:MAX_TURN_LENGTH]))
                    typer.echo()


def _read() -> str:
    """The next line; nothing at the end of the input."""
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        return ""
