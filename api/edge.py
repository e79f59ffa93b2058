"""What every request passes on its way in and every response on its way out.

A request gets an id, a check of the host it was addressed to and a limit on its body; a response the security headers,
one line in the log and its place in the metrics. An error that nothing else handled leaves here as a 500 that says
nothing of the inside.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.trace import Tracer, use_span
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import Problem, internal_error
from api.tracing import NO_TRACES, end_request_span, request_span

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"
MAX_BODY_BYTES = 2 * 1024 * 1024
UPLOAD_PATH = "/v1/ingest"
FORM = "multipart/form-data"
CLIENT_LEFT = 499
"""Status in log and metrics of a request whose client left before the response began."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})
_REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOST_NAME = re.compile(r"^(\[[^\]]*\]|[^:]*)")


class Edge:
    """ASGI middleware around the whole application. ``hosts`` empty: any host name is served.

    ``upload_bytes``: what the files of one upload may take together.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        hosts: Sequence[str] = (),
        public_url: str | None = None,
        tracer: Tracer = NO_TRACES,
        upload_bytes: int = 0,
    ) -> None:
        self._app = app
        self._upload_bytes = upload_bytes + MAX_BODY_BYTES  # names and boundaries take some room too
        self._metrics = metrics
        self._tracer = tracer
        self._hosts = frozenset(host.lower() for host in hosts)
        self._public = urlsplit(public_url).netloc if public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request through; other kinds go on untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        scope["request_id"] = request_id = _request_id(headers)
        method = scope["method"] if scope["method"] in METHODS else "other"
        span = request_span(self._tracer, method, headers)
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, scope["path"], request_id)
            await send(message)

        try:
            limit = self._body_limit(scope["path"], headers)
            refusal = self._refusal(scope["method"], headers, limit)
            if refusal is not None:
                await refusal.response(scope)(scope, receive, send_on)
            else:
                with use_span(span, record_exception=False, set_status_on_exception=False):
                    await self._app(scope, _limited(receive, limit), send_on)
        except ClientDisconnect:
            status = status or CLIENT_LEFT
        except Exception as error:
            log.error("request failed", extra={"request_id": request_id}, exc_info=error)
            if status:
                raise  # the response has begun: only breaking the connection can tell the client
            await internal_error().response(scope)(scope, receive, send_on)
        finally:
            route = getattr(scope.get("route"), "path", None) or "other"
            end_request_span(span, method, route, status, request_id)
            self._record(scope, request_id, method, route, status, time.perf_counter() - began)

    def _refusal(self, method: str, headers: Headers, limit: int) -> Problem | None:
        """Why the request is refused before anything looks at it."""
        host = _HOST_NAME.match(headers.get("host", ""))
        name = host[0].lower() if host else ""
        # A page from elsewhere can have its own name resolve to this machine and so read what only this machine may.
        if self._hosts and name not in self._hosts:
            detail = f"This service is not reached under the name {name!r}; DOCQA_ALLOWED_HOSTS lists those it takes."
            return Problem(421, "misdirected-request", detail)
        # A page from elsewhere acts with what the browser or the proxy in front adds to sign its user in.
        if method not in SAFE_METHODS and self._from_elsewhere(headers):
            return Problem(403, "cross-site", "A page of another site can't change anything here.")
        length = headers.get("content-length", "")
        return _too_large(limit) if length.isdecimal() and int(length) > limit else None

    def _body_limit(self, path: str, headers: Headers) -> int:
        """Bytes that the body may have."""
        upload = path == UPLOAD_PATH and headers.get("content-type", "").lower().startswith(FORM)
        return self._upload_bytes if upload else MAX_BODY_BYTES

    def _from_elsewhere(self, headers: Headers) -> bool:
        """Whether a page of another site sent it; programs say nothing of the kind."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site not in OWN_SITE
        # Browsers leave it out where the connection is not encrypted.
        origin = headers.get("origin")
        return origin is not None and urlsplit(origin).netloc not in (headers.get("host"), self._public)

    def _record(self, scope: Scope, request_id: str, method: str, route: str, status: int, seconds: float) -> None:
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.request_seconds.labels(method, route).observe(seconds)
        log.info(
            "request",
            extra={
                "request_id": request_id,
                "method": method,
                "path": scope["path"],
                "status": status,
                "seconds": round(seconds, 4),
            },
        )


def _request_id(headers: Headers) -> str:
    """The caller's own id where it is harmless in a log, else a new one."""
    given = headers.get(REQUEST_ID, "")
    return given if _REQUEST_ID_FORM.fullmatch(given) else uuid.uuid4().hex


def _add_headers(message: Message, path: str, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    # Documents and answers stay out of caches; the page's files are asked for again after an update.
    headers.setdefault("Cache-Control", "no-store" if path.startswith("/v1/") else "no-cache")
    headers[REQUEST_ID] = request_id
    framed = "Content-Security-Policy" in headers  # a policy of its own says who may frame it
    for name, value in SECURITY_HEADERS.items():
        if not (framed and name == "X-Frame-Options"):
            headers.setdefault(name, value)


def _limited(receive: Receive, limit: int) -> Receive:
    """``receive``, which ends with a `Problem` once the body is larger than ``limit`` bytes."""
    size = 0

    async def receive_on() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _too_large(limit)
        return message

    return receive_on


def _too_large(limit: int) -> Problem:
    detail = f"The body of this request may have at most {limit} bytes."
    return Problem(413, "content-too-large", detail, title="Content Too Large", limit=limit)
