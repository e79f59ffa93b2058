"""Servers that commands speak to: the one that is named, or the one that owns the local data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from api.cli.failure import CommandFailed

if TYPE_CHECKING:
    from api.client import Client
    from api.components import LocalComponents
    from api.data_lock import DataLocked
    from api.job_schemas import JobBody, ReportBody
    from api.settings import Settings
    from ingest.pipeline import Pipeline
    from ingest.progress import Listener

T = TypeVar("T")

Server = Annotated[str | None, typer.Option(metavar="URL", help="Ask this server, not the local data.")]
Key = Annotated[
    str | None, typer.Option(help="API key for that server; in DOCQA_API_KEY nobody else on this machine sees it.")
]


def named_server(settings: Settings, url: str, key: str | None = None) -> Client:
    """A client of the server at ``url``, with this API key or the one of the settings."""
    from api.client import Client

    configured = None if settings.api_key is None else settings.api_key.get_secret_value()
    return Client(url, key or configured)


def refuse_lonely_key(server: str | None, key: str | None) -> None:
    """Raises `CommandFailed` for a key that would open nothing."""
    if key is not None and server is None:
        raise CommandFailed("--key is for a server that --server names")


def owning_server(settings: Settings, locked: DataLocked) -> Client:
    """A client of the server that owns the local data. Raises `CommandFailed` when none answers."""
    from api.client import Client
    from api.owner_key import found_in

    left = found_in(settings.owner_key_path)
    if left is not None and str(left.process) == locked.holder:
        client = Client(left.url, left.secret)
    else:
        client = named_server(settings, settings.url)
    if not client.alive():
        raise CommandFailed(
            f"{locked}; if that is a server, name its address with DOCQA_PORT, or --server URL"
        ) from locked
    return client


def by_owner(components: LocalComponents, here: Callable[[Pipeline], T], there: Callable[[Client], T]) -> T:
    """Have the index changed by this process, or by the server that owns the data."""
    from api.data_lock import DataLocked

    try:
        pipeline = components.pipeline
    except DataLocked as error:
        with owning_server(components.settings, error) as client:
            return there(client)
    return here(pipeline)


def finished(client: Client, begin: Callable[[], JobBody], show: Listener) -> ReportBody:
    """Begin a job once the server is ready, and follow it to its end, which an interrupt brings about too.

    What it came to. Raises `CommandFailed` if it failed.
    """
    from ingest.progress import Progress

    client.wait_until_ready()
    job = begin()
    typer.echo(f"the server that owns the data does it, as {job.id}", err=True)
    try:
        for now in client.follow(job.id):
            if now.progress is not None:
                show(Progress(**now.progress.model_dump(exclude={"passages_per_s", "seconds_left"})))
    except KeyboardInterrupt:
        client.cancel(job.id)
        typer.echo(f"told the server to end {job.id}; what is published stays", err=True)
        raise
    ended = client.job(job.id)
    if ended.report is None:
        reason = f": {ended.error}" if ended.error else ""
        raise CommandFailed(f"the server's {ended.id} is {ended.state}{reason}; what it published stays")
    return ended.report
