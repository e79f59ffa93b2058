"""`docqa keys`: API keys for programs and people."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from api.access import Permission, Role
from api.cli.actor import actor, day, expiry
from api.cli.failure import CommandFailed, one_line_errors

if TYPE_CHECKING:
    from api.state.keys import ApiKey
    from api.state.memory import Memory

app = typer.Typer(help="API keys: make, list and revoke them.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, to tell it from others.")],
    role: Annotated[Role, typer.Option(help="What it may: reader, curator or admin.")] = Role.READER,
    scope: Annotated[
        list[Permission] | None, typer.Option(help="Only this permission of the role; may be repeated.")
    ] = None,
    collection: Annotated[list[str] | None, typer.Option(help="Only this collection; may be repeated.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Its questions let those of people go first.")] = False,
    rate: Annotated[int | None, typer.Option(min=1, help="Requests in a minute, at most.")] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Site whose pages may show the chat by this key, such as https://intranet.example; may be repeated.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="Label of documents that it may read beside those without any; may be repeated."),
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="How long it holds: 12h, 90d, 4w.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print its secret, which can't be shown again."""
    with one_line_errors(), _memory() as memory:
        from api.state.keys import KeyRequest
        from api.widget_key import widget_key

        if not name.strip():
            raise CommandFailed("a key needs a name")
        until = expiry(expires)
        asked = KeyRequest(
            name.strip(), role, scope or None, collection or None, batch, rate, until, origin or None, label or None
        )
        try:
            made, secret = memory.keys.create(widget_key(asked))
        except ValueError as error:
            raise CommandFailed(str(error)) from error
        memory.audit.add(actor(), "key.create", made.id, {"name": made.name, "role": made.role.value})
        if as_json:
            typer.echo(json.dumps({**_described(made), "secret": secret}, indent=2))
            return
        typer.echo(secret)
        typer.echo(
            f"{made.id}: {made.role.value} key for {made.name}; keep the secret, it is not shown again", err=True
        )


@app.command(name="list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, the revoked ones too."""
    with one_line_errors(), _memory() as memory:
        found = memory.keys.list()
        if as_json:
            typer.echo(json.dumps({"keys": [_described(key) for key in found]}, indent=2))
            return
        for key in found:
            typer.echo(_line(key))


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="Its id, or the beginning that the list shows.")]) -> None:
    """End a key at once."""
    with one_line_errors(), _memory() as memory:
        try:
            revoked = memory.keys.revoke(key)
        except KeyError as error:
            raise CommandFailed(f"there is no key {key!r} that holds; see: docqa keys list") from error
        memory.audit.add(actor(), "key.revoke", revoked.id)
        typer.echo(f"{revoked.id} ({revoked.name}) is revoked")


@contextmanager
def _memory() -> Iterator[Memory]:
    """The service's database, beside a running server too."""
    from api.components import LocalComponents
    from api.settings import load_settings

    with LocalComponents(load_settings()) as components:
        yield components.memory


def _described(key: ApiKey) -> dict[str, object]:
    from api.state_schemas import KeyBody

    return KeyBody.of(key).model_dump(mode="json")


def _line(key: ApiKey) -> str:
    parts = [key.id, f"{key.prefix}…", key.role.value, key.name]
    if key.scopes is not None:
        parts.append("only " + ", ".join(sorted(key.scopes)))
    if key.collections is not None:
        parts.append("in " + ", ".join(sorted(key.collections)))
    if key.labels is not None:
        parts.append("labels " + (", ".join(sorted(key.labels)) or "none"))
    if key.origins is not None:
        parts.append("on " + ", ".join(sorted(key.origins)))
    if key.batch:
        parts.append("batch")
    if key.requests_per_minute is not None:
        parts.append(f"{key.requests_per_minute} a minute")
    if key.revoked_at is not None:
        parts.append(f"revoked {day(key.revoked_at)}")
    elif key.expires_at is not None:
        parts.append(f"{'expired' if key.expires_at <= time.time() else 'until'} {day(key.expires_at)}")
    parts.append("never used" if key.last_used_at is None else f"last used {day(key.last_used_at)}")
    return "  ".join(parts)
