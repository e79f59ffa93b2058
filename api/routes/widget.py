"""The chat in pages of other sites: the script that they include, and the frame that it opens.

The frame is a page of this service, not a part of theirs: what documents say can't reach into them, they can't read
what is asked, and its requests come from here, so that no other site needs to be let in (no CORS). Browsers show it
only in pages of the origins that its key names (frame-ancestors).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from api.problems import not_found
from api.service import AnyService

STATIC = Path(__file__).parent.parent / "static"
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors "

router = APIRouter(include_in_schema=False)


@router.get("/widget.js")
def script() -> Response:
    """The script, for pages of any site: it holds nothing that is not public."""
    return FileResponse(
        STATIC / "widget.js",
        media_type="text/javascript",
        headers={"Cross-Origin-Resource-Policy": "cross-origin"},
    )


@router.get("/widget")
async def frame(service: AnyService, key: Annotated[str, Query(max_length=64)]) -> Response:
    """The chat for a frame in the pages that the key beginning like ``key`` names."""
    origins = await run_in_threadpool(service.memory.keys.origins, key)
    if not origins:
        raise not_found("There is no key for other sites' pages that begins like this.")
    headers = {
        "Content-Security-Policy": POLICY + " ".join(sorted(origins)),
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "no-store",
    }
    return FileResponse(STATIC / "widget-frame.html", headers=headers)
