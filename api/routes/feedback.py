"""What people think of answers."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from api.callers import Asker, Curator
from api.idempotency import IdempotentRoute
from api.kept_answers import KeptAnswers
from api.pages import DEFAULT_LIMIT, Cursor, Limit, page
from api.paging import page_of_those
from api.service import ReadyService
from api.state.feedback import Feedback, Rating
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
    """All feedback, the newest first, but for answers from documents that the caller may not read."""
    kept = KeptAnswers(service.catalog, caller)

    def seen(given: Feedback) -> bool:
        return given.answer is None or kept.readable(given.answer)

    fetch = partial(service.memory.feedback.page, rating=rating)
    found = page(lambda: page_of_those(fetch, limit, cursor, seen))
    return FeedbackPageBody(feedback=[FeedbackBody.of(given) for given in found.items], next_cursor=found.next_cursor)
