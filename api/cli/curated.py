"""`docqa curated`: verified answers, pinned to questions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.actor import actor, day, expiry
from api.cli.answer_text import terminal_text
from api.cli.failure import CommandFailed, one_line_errors

if TYPE_CHECKING:
    from api.components import LocalComponents
    from api.curated_schemas import CuratedBody
    from qa.curated import CuratedAnswer, CuratedAnswers, CuratedSource

app = typer.Typer(help="Curated answers: pin, list, verify again and remove them.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(help="Its id, as the list shows it.")]
PAGE = 200


@app.command()
def pin(
    question: Annotated[str, typer.Argument(help="The question, as people ask it.")],
    answer: Annotated[str, typer.Argument(help="The answer.")],
    quote: Annotated[list[str], typer.Option(help="Words of a document that carry it, letter for letter; repeatable.")],
    document: Annotated[str | None, typer.Option(help="The document (file or id) where the quotes stand.")] = None,
    variant: Annotated[list[str] | None, typer.Option(help="Another wording of the question; repeatable.")] = None,
    collection: Annotated[str | None, typer.Option(help="Left out: the default collection.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for it. Left out: you.")] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="How long it holds: 12h, 90d, 4w.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pin a verified answer to a question; it is served for that question and its close variants."""
    with one_line_errors(), _curated() as (components, answers):
        name = collection or components.settings.collection
        question, answer = question.strip(), answer.strip()
        if not question or not answer:
            raise CommandFailed("a curated answer needs a question and an answer")
        sources = [_source(one, document, name, components, answers) for one in quote]
        variants = [one.strip() for one in variant or () if one.strip()]
        made = components.memory.curated.create(
            name, question, answer, sources, owner or actor(), variants, expiry(expires)
        )
        _audit(components, "curated.create", made)
        _print(made, components, answers, as_json=as_json)


@app.command(name="list")
def list_curated(
    collection: Annotated[str | None, typer.Option(help="Left out: all collections.")] = None,
    as_json: AsJson = False,
) -> None:
    """List all curated answers, the newest first."""
    with one_line_errors(), _curated() as (components, answers):
        bodies = [_body(one, components, answers) for one in _all(components, collection)]
        if as_json:
            typer.echo(json.dumps({"curated": [body.model_dump(mode="json") for body in bodies]}, indent=2))
            return
        for body in bodies:
            typer.echo(_line(body))


@app.command()
def show(id: Id, as_json: AsJson = False) -> None:
    """Show one with its sources."""
    with one_line_errors(), _curated() as (components, answers):
        _print(_find(components, id), components, answers, as_json=as_json)


@app.command()
def verify(id: Id) -> None:
    """Say that it still holds: its quotes are found again in the revisions that hold now."""
    from qa.curated import SourceNotFound

    with one_line_errors(), _curated() as (components, answers):
        found = _find(components, id)
        try:
            renewed = components.memory.curated.replace(answers.renewed(found))
        except SourceNotFound as error:
            raise CommandFailed(f"{error}; pin it anew with other quotes") from error
        _audit(components, "curated.verify", renewed)
        typer.echo(_line(_body(renewed, components, answers)))


@app.command()
def remove(id: Id) -> None:
    """Remove it; its question is answered from the documents again."""
    with one_line_errors(), _curated() as (components, _):
        found = _find(components, id)
        components.memory.curated.delete(found.id)
        _audit(components, "curated.delete", found)
        typer.echo(f"{found.id} is removed")


@contextmanager
def _curated() -> Iterator[tuple[LocalComponents, CuratedAnswers]]:
    """The service's database and catalog, beside a running server too."""
    from api.components import LocalComponents
    from api.settings import load_settings
    from qa.curated import CuratedAnswers

    with LocalComponents(load_settings()) as components:
        yield components, CuratedAnswers(components.memory.curated, components.catalog, components.matcher)


def _source(
    quote: str, named: str | None, collection: str, components: LocalComponents, answers: CuratedAnswers
) -> CuratedSource:
    catalog = components.catalog
    revisions = [
        revision for revision in catalog.current(collection) if named in (None, revision.source, revision.document_id)
    ]
    if not revisions:
        raise CommandFailed(f"there is no document {named!r} in collection {collection}; see: docqa documents list")
    holding = [revision for revision in revisions if quote in catalog.document(revision.id).text]
    if not holding:
        raise CommandFailed(f"no document of collection {collection} says, letter for letter: {quote!r}")
    if len(holding) > 1:
        files = ", ".join(revision.source for revision in holding)
        raise CommandFailed(f"several documents say {quote!r}: {files}; choose one with --document")
    return answers.source(holding[0].document_id, quote)


def _all(components: LocalComponents, collection: str | None) -> Iterator[CuratedAnswer]:
    cursor: str | None = None
    while True:
        page = components.memory.curated.page(PAGE, cursor, collection)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _find(components: LocalComponents, id: str) -> CuratedAnswer:
    try:
        return components.memory.curated.find(id)
    except KeyError as error:
        raise CommandFailed(f"there is no curated answer {id!r}; see: docqa curated list") from error


def _audit(components: LocalComponents, action: str, curated: CuratedAnswer) -> None:
    documents: Sequence[str] = sorted({source.document_id for source in curated.sources})
    details = {"collection": curated.collection, "documents": documents}
    components.memory.audit.add(actor(), action, curated.id, details)


def _body(curated: CuratedAnswer, components: LocalComponents, answers: CuratedAnswers) -> CuratedBody:
    from api.curated_schemas import CuratedBody

    return CuratedBody.of(curated, answers, components.catalog)


def _print(curated: CuratedAnswer, components: LocalComponents, answers: CuratedAnswers, *, as_json: bool) -> None:
    body = _body(curated, components, answers)
    if as_json:
        typer.echo(body.model_dump_json(indent=2))
        return
    typer.echo(_line(body))
    for variant in body.variants:
        typer.echo(f"  or: {terminal_text(variant)}")
    typer.echo(terminal_text(body.answer))
    for source in body.sources:
        state = "" if source.current else " (changed since; the quote still stands)" if source.stands else " (changed)"
        typer.echo(
            f"  {terminal_text(source.source)}, revision {source.revision}{state}: “{terminal_text(source.quote)}”"
        )


def _line(body: CuratedBody) -> str:
    parts = [body.id, body.freshness.value, body.collection, f"by {body.owner}", f"verified {day(body.verified_at)}"]
    if body.expires_at is not None:
        parts.append(f"{'expired' if body.expires_at <= time.time() else 'until'} {day(body.expires_at)}")
    return terminal_text("  ".join([*parts, body.question]))
