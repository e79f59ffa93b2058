"""Who answers a command: this process from the local data, or a server. Both take and give the API's bodies."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from api.cli.failure import CommandFailed
from api.cli.server import named_server, owning_server, refuse_lonely_key

if TYPE_CHECKING:
    from api.client import Client
    from api.components import LocalComponents
    from api.schemas import AnswerEventBody, AnswerRequest
    from api.search_schemas import SearchBody, SearchRequest
    from api.settings import Settings
    from qa.answer import Question


@contextmanager
def asker(settings: Settings, server: str | None, key: str | None) -> Iterator[Client | LocalAsker]:
    """The server that is named; else this process, or the server that owns the local data.

    Raises `CommandFailed`.
    """
    from api.components import LocalComponents
    from api.data_lock import DataLocked

    refuse_lonely_key(server, key)
    if server is not None:
        with named_server(settings, server, key) as client:
            yield client
        return
    with LocalComponents(settings) as components:
        try:
            components.own_vectors()
        except DataLocked as error:
            locked = error
        else:
            yield LocalAsker(components)
            return
    with owning_server(settings, locked) as client:
        yield client


class LocalAsker:
    """Answers from local data that ``components`` own, to somebody who may read all of it."""

    def __init__(self, components: LocalComponents) -> None:
        self._components = components
        self._loaded = False

    def ask(self, request: AnswerRequest) -> Generator[AnswerEventBody, None, None]:
        """The events of an answer as they come. Raises `CommandFailed`."""
        from api.schemas import event_body, new_answer_id
        from qa.curated import CuratedAnswers

        components = self._components
        question = self._accepted(request.to_question(components.settings.collection))
        if not self._loaded:
            components.load(say_loading)
            self._loaded = True
        answer = new_answer_id()
        curated = CuratedAnswers(components.memory.curated, components.catalog, components.matcher)
        for event in curated.before(components.answers.answer, question):
            yield event_body(event, id=answer, model=components.settings.model, question=question)

    def search(self, request: SearchRequest) -> SearchBody:
        """Passages. Raises `CommandFailed`."""
        from api.search_schemas import SearchBody

        question = self._accepted(request.to_question(self._components.settings.collection))
        self._components.load_search(say_loading)
        retrieve = self._components.retriever.retrieve
        found = retrieve(question.text, question.collection, request.offset + request.limit + 1, question.scope)
        return SearchBody.of(request, question.collection, found)

    def _accepted(self, question: Question) -> Question:
        from api.limits import LimitBroken, UnknownCollection, check_collection, check_limits

        # Whoever can read the data folder can read every document in it.
        question = replace(question, scope=replace(question.scope, labels=None))
        try:
            check_limits(question, self._components.settings)
            check_collection(question, self._components.catalog.collections())
        except (LimitBroken, UnknownCollection) as error:
            raise CommandFailed(str(error)) from error
        return question


def moment(settings: Settings, as_of: str | None) -> str | None:
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


def say_loading(part: str) -> None:
    """Tell whoever waits at a terminal; a program that reads the output is not bothered."""
    if sys.stderr.isatty():
        typer.secho(f"loading the {part} …", dim=True, err=True)
