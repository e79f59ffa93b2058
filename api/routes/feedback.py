"""What people think of answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.callers import Asker, Curator
from api.idempotency import IdempotentRoute
from api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from api.service import ReadyService
from api.state.feedback import Rating
from api.state_schemas import FeedbackBody, FeedbackPageBody, FeedbackRequest

router = APIRouter(prefix="/v1/feedback", tags=["feedback"], route_class=IdempotentRoute)


@router.post("", status_code=201)
def give(body: FeedbackRequest, service: ReadyService, caller: Asker) -> FeedbackBody:
    """Say what you think of an answer; a question whose answer did not help gets into the queue of unanswered ones."""
    given = service.memory.feedback.give(body.answer, caller.id, body.rating, body.reason, body.comment)
    if given.rating is Rating.DOWN:
        service.unanswered.disliked(given.answer_id)
    return FeedbackBody.of(given)


@router.get("")
def feedback(
    service: ReadyService,
    caller: Curator,
    rating: Annotated[Rating | None, Query(description="Left out: both.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> FeedbackPageBody:
    """All feedback, the newest first."""
    found = page(lambda: service.memory.feedback.page(limit, cursor, rating))
    return FeedbackPageBody(feedback=[FeedbackBody.of(given) for given in found.items], next_cursor=found.next_cursor)
