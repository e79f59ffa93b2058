"""`docqa ask`: a question, its answer as it comes, and the sources behind it."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.failure import CommandFailed, one_line_errors
from api.cli.server import Key, Server, named_server, owning_server, refuse_lonely_key
from qa.answer import Mode

if TYPE_CHECKING:
    from api.client import Client
    from api.components import LocalComponents
    from api.schemas import AnswerBody, AnswerEventBody, AnswerRequest
    from api.settings import Settings


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

        refuse_lonely_key(server, key)
        settings = load_settings()
        request = _request(question, collection, _moment(settings, as_of), mode)
        events = _server_events(named_server(settings, server, key), request) if server else _events(settings, request)
        with closing(events):
            if as_json:
                typer.echo(_last(events).model_dump_json(indent=2))
            else:
                _show(events)


def local_answer(components: LocalComponents, question: str, collection: str) -> AnswerBody:
    """The finished answer to a question, from local data that these components own. Raises `CommandFailed`."""
    return _last(_local_events(components, _request(question, collection, None, Mode.ANSWER)))


def _moment(settings: Settings, as_of: str | None) -> str | None:
    """A moment as the API takes it; a revision is looked up in the local catalog."""
    if as_of is None:
        return None
    from datetime import UTC, datetime

    from api.as_of import moment_in
    from api.components import LocalComponents

    with LocalComponents(settings) as components:
        try:
            return datetime.fromtimestamp(moment_in(as_of, components.catalog), UTC).isoformat()
        except ValueError as error:
            raise CommandFailed(f"--as-of: {error}") from error


def _request(question: str, collection: str | None, as_of: str | None, mode: Mode) -> AnswerRequest:
    from pydantic import ValidationError

    from api.schemas import AnswerRequest

    try:
        return AnswerRequest(question=question, collection=collection, as_of=as_of, mode=mode)
    except ValidationError as error:
        details = error.errors()[0]
        raise CommandFailed(f"{details['loc'][0]}: {details['msg']}") from error


def _events(settings: Settings, request: AnswerRequest) -> Generator[AnswerEventBody, None, None]:
    """From the local data, or from the server that owns it."""
    from api.components import LocalComponents
    from api.data_lock import DataLocked

    with LocalComponents(settings) as components:
        try:
            components.own_vectors()
        except DataLocked as error:
            yield from _server_events(owning_server(settings, error), request)
        else:
            yield from _local_events(components, request)


def _server_events(client: Client, request: AnswerRequest) -> Generator[AnswerEventBody, None, None]:
    with client:
        yield from client.ask(request)


def _local_events(components: LocalComponents, request: AnswerRequest) -> Generator[AnswerEventBody, None, None]:
    from api.limits import LimitBroken, UnknownCollection, check_collection, check_limits
    from api.schemas import event_body, new_answer_id
    from qa.curated import CuratedAnswers

    settings = components.settings
    question = request.to_question(settings.collection)
    # Whoever can read the data folder can read every document in it.
    question = replace(question, scope=replace(question.scope, labels=None))
    try:
        check_limits(question, settings)
        check_collection(question, components.catalog.collections())
    except (LimitBroken, UnknownCollection) as error:
        raise CommandFailed(str(error)) from error
    components.load(_say_loading)
    answer = new_answer_id()
    curated = CuratedAnswers(components.memory.curated, components.catalog, components.matcher)
    for event in curated.before(components.answers.answer, question):
        yield event_body(event, id=answer, model=settings.model, question=question)


def _say_loading(part: str) -> None:
    """Tell whoever waits at a terminal; a program that reads the output is not bothered."""
    if sys.stderr.isatty():
        typer.secho(f"loading the {part} …", dim=True, err=True)


def _last(events: Iterable[AnswerEventBody]) -> AnswerBody:
    """The finished answer at the end of ``events``."""
    from api.schemas import AnswerBody

    for event in events:
        if isinstance(event, AnswerBody):
            return event
    raise CommandFailed("the answer broke off")


def _show(events: Iterable[AnswerEventBody]) -> None:
    """Print the answer as it comes, then what it rests on."""
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
