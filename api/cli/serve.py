"""`docqa serve`: the web chat and the API."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.failure import CommandFailed, one_line_errors

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from api.components import LocalComponents
    from api.readiness import State
    from api.settings import Settings

GRACE_SECONDS = 10
"""How long answers in progress may go on after the signal to stop."""
BACKLOG = 128


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; left out: from the settings.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Serve the web chat and the API.

    Prints the address once questions are answered, and goes on until it is interrupted.
    """
    with one_line_errors():
        from api import logs
        from api.settings import load_settings

        overrides = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        settings = load_settings(**overrides)
        logs.configure(settings.log_level, settings.log_format)
        _run(settings)


def _run(settings: Settings) -> None:
    import uvicorn

    from api.app import create_app
    from api.components import LocalComponents
    from api.owner_key import left_in
    from api.readiness import Failed

    _say_who_may(settings)
    ended: list[State] = []
    with (
        LocalComponents(settings) as components,
        _listen(settings) as listening,
        _tracing(settings) as tracer,
        ExitStack() as stack,
    ):
        components.own_vectors()
        components.require_models()
        bound = settings.model_copy(update={"port": listening.getsockname()[1]})

        def on_loaded(state: State) -> None:
            ended.append(state)
            if isinstance(state, Failed):
                server.should_exit = True
            else:
                _say_what_runs(settings, components)
                typer.echo(f"docqa is ready: {bound.url}")

        owner = stack.enter_context(left_in(settings.owner_key_path, bound.url))
        app = create_app(components, on_loaded, tracer, owner)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whether the peer is a trusted proxy is for the sign-in to see
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        leave = server.handle_exit

        def handle_exit(number: int, frame: FrameType | None) -> None:
            app.state.service.jobs.stop()  # answers get their time to end, a job would take too long
            leave(number, frame)

        server.handle_exit = handle_exit  # type: ignore[assignment, method-assign]
        # The server hands the signal on when it has stopped; an exception lets the data be closed properly.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        # A shell starts what it runs in the background with the interrupt ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _say(f"docqa is starting on {bound.url}: loading {settings.embedder} and {settings.model}")
        server.run(sockets=[listening])
    for state in ended:
        if isinstance(state, Failed):
            raise CommandFailed(f"could not start: {state.error}") from state.error


def _say_what_runs(settings: Settings, components: LocalComponents) -> None:
    _say(f"{settings.embedder} runs on this engine: {components.embedder_engine}")
    decoder = components.decoder
    _say(f"{settings.model} runs on this engine: {decoder.engine}")
    if decoder.draft_model is not None:
        _say(f"{settings.draft_model} drafts for it, where that pays, on this engine: {decoder.draft_model.engine}")


def _say_who_may(settings: Settings) -> None:
    """Say who may do what without signing in, and refuse to serve everybody by accident."""
    if settings.sign_in:
        return
    if settings.on_loopback:
        _say("no sign-in is asked for: whoever uses this machine administers the service; nobody else reaches it")
    elif settings.open_access:
        _say(f"warning: listening on {settings.host} without sign-in: whoever reaches it can read every document")
    else:
        raise CommandFailed(
            f"refusing to listen on {settings.host} without sign-in: set DOCQA_SIGN_IN=keys (or proxy), or "
            "DOCQA_OPEN_ACCESS=true if everybody who reaches it may read every document"
        )


def _listen(settings: Settings) -> socket.socket:
    """A socket on the settings' address, so that an address in use is known before anything is loaded."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CommandFailed(
            f"cannot listen on {settings.host}, port {settings.port}: {error.strerror}; choose another with DOCQA_PORT"
        ) from error


@contextmanager
def _tracing(settings: Settings) -> Iterator[Tracer]:
    """Traces to the collector of the settings, if there is one."""
    from api.tracing import NO_TRACES

    if settings.otlp_endpoint is None:
        yield NO_TRACES
        return
    try:
        from api.trace_export import exporting_tracer
    except ModuleNotFoundError as error:
        raise CommandFailed("traces take further packages; run: pip install 'docqa[telemetry]'") from error
    tracer, close = exporting_tracer(settings.otlp_endpoint)
    try:
        yield tracer
    finally:
        close()


def _say(line: str) -> None:
    typer.echo(line, err=True)
