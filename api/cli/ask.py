"""`docqa ask`: a question, its answer as it comes, and the sources behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.asker import LocalAsker, asker, moment
from api.cli.failure import CommandFailed, one_line_errors, unusable
from api.cli.server import Key, Server
from qa.answer import Mode

if TYPE_CHECKING:
    from api.components import LocalComponents
    from api.schemas import AnswerBody, AnswerEventBody, AnswerRequest, TurnBody


def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    collection: Annotated[str | None, typer.Option(help="Documents to ask; left out: the default collection.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON.")] = False,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Answer from what held then: a date, a time or DOCUMENT@REVISION."),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(help="quote: the nearest sentences; search: whole passages; both without the language model."),
    ] = Mode.ANSWER,
    server: Server = None,
    key: Key = None,
) -> None:
    """Answer a question from the documents, with chapter and verse.

    Works on the local data folder; where a running server owns that, the server is asked.
    """
    with one_line_errors():
        from api.settings import load_settings

        settings = load_settings()
        request = request_of(question, collection, moment(settings, as_of), mode)
        with asker(settings, server, key) as there, closing(there.ask(request)) as events:
            if as_json:
                typer.echo(_last(events).model_dump_json(indent=2))
            else:
                show(events)


def local_answer(components: LocalComponents, question: str, collection: str) -> AnswerBody:
    """The finished answer to a question, from local data that these components own. Raises `CommandFailed`."""
    return _last(LocalAsker(components).ask(request_of(question, collection)))


def request_of(
    question: str,
    collection: str | None,
    as_of: str | None = None,
    mode: Mode = Mode.ANSWER,
    history: Sequence[TurnBody] = (),
) -> AnswerRequest:
    """What is asked, as the API takes it. Raises `CommandFailed`."""
    from pydantic import ValidationError

    from api.schemas import AnswerRequest

    try:
        return AnswerRequest(question=question, collection=collection, as_of=as_of, mode=mode, history=list(history))
    except ValidationError as error:
        raise unusable(error) from error


def _last(events: Iterable[AnswerEventBody]) -> AnswerBody:
    """The finished answer at the end of ``events``."""
    from api.schemas import AnswerBody

    for event in events:
        if isinstance(event, AnswerBody):
            return event
    raise CommandFailed("the answer broke off")


def show(events: Iterable[AnswerEventBody]) -> AnswerBody:
    """Print the answer as it comes, then what it rests on; the answer. Raises `CommandFailed` if it breaks off."""
    from api.cli.answer_text import answer_lines, terminal_text
    from api.schemas import DeltaEvent

    def shown() -> Iterator[AnswerEventBody]:
        for event in events:
            if isinstance(event, DeltaEvent):
                typer.echo(terminal_text(event.text), nl=False)
            yield event

    body = _last(shown())
    typer.echo()
    for line in answer_lines(body):
        typer.echo(line)
    return body
