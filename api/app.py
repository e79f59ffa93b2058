"""The HTTP application: web chat, native API, OpenAI's API and operation, around one `Service`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from opentelemetry.trace import Tracer
from starlette.concurrency import run_in_threadpool

from api.components import Components
from api.edge import Edge
from api.openapi import describe_errors
from api.owner_key import OwnerKey
from api.problems import install_handlers
from api.readiness import State
from api.routes import (
    administration,
    answers,
    chat_completions,
    conversations,
    curated,
    document_changes,
    documents,
    embeddings,
    feedback,
    health,
    ingest,
    jobs,
    mcp,
    search,
    session,
    sign_in,
    unanswered,
    usage,
    widget,
)
from api.service import Service
from api.settings import Settings
from api.tracing import NO_TRACES
from api.uploads import clear_staging
from api.version import package_version

STATIC = Path(__file__).parent / "static"


def create_app(
    components: Components,
    on_loaded: Callable[[State], None] | None = None,
    tracer: Tracer = NO_TRACES,
    owner: OwnerKey | None = None,
) -> FastAPI:
    """The application over ``components``, which it loads in the background once it is started.

    ``on_loaded`` is called, in the loading thread, when that has ended well or badly. ``owner`` is the key of who owns
    the data folder.
    """
    service = Service(components, tracer, owner)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(_forget_last_run, service)
        service.readiness.start(components.load, on_loaded)
        app.state.protocol = mcp.Protocol(service)
        async with app.state.protocol.running():
            yield
        await service.admission.close()
        await run_in_threadpool(service.jobs.close)

    app = FastAPI(
        title="docqa",
        version=package_version(),
        summary="Cited answers from your own documentation.",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        telemetry={"logs": False, "auto_configure": False},  # its logs would hold what people wrote
    )
    app.state.service = service
    settings = components.settings
    app.add_middleware(
        Edge,
        metrics=service.metrics,
        hosts=_hosts(settings),
        public_url=settings.public_url,
        tracer=tracer,
        upload_bytes=settings.max_upload_bytes,
    )
    install_handlers(app)
    for routes in (
        answers,
        chat_completions,
        embeddings,
        search,
        documents,
        document_changes,
        ingest,
        jobs,
        conversations,
        feedback,
        curated,
        unanswered,
        administration,
        usage,
        session,
        sign_in,
        widget,
        health,
        mcp,
    ):
        app.include_router(routes.router)
    describe_errors(app)
    app.frontend("/", directory=STATIC, fallback=None)
    return app


def _forget_last_run(service: Service) -> None:
    """What the last server was at when it ended will not go on."""
    service.jobs.begin()
    clear_staging(service.settings)


def _hosts(settings: Settings) -> tuple[str, ...]:
    """Host names to serve; empty for any."""
    if settings.allowed_hosts or not settings.on_loopback:
        return settings.allowed_hosts
    own = f"[{settings.host}]" if ":" in settings.host else settings.host
    return ("localhost", "127.0.0.1", "[::1]", own)
