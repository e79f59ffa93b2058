"""Bodies of the queue of unanswered questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from pydantic import BaseModel, Field

from api.schemas import AnswerBody, SpanBody
from api.state.unanswered import Asking, Entry, Nearest, Resolution
from api.state_schemas import NextCursor, Seconds
from qa.unanswered import Unanswered


class NearestBody(BaseModel):
    """A section to look in."""

    document: str
    source: str
    title: str
    revision: int
    section_path: list[str]
    span: SpanBody

    @classmethod
    def of(cls, nearest: Nearest) -> Self:
        """The body of ``nearest``."""
        return cls.model_validate(nearest, from_attributes=True)


class UnansweredBody(BaseModel):
    """Questions near to each other that the documents left open."""

    id: str
    collection: str
    question: str = Field(description="The first of them; a follow-up has its forerunners in front.")
    count: int = Field(description="How often they were asked.")
    refused: int = Field(description="How often the answer was that the documents do not say.")
    unsupported: int = Field(description="How often most of the answer stood in no document.")
    disliked: int = Field(description="How often its reader was not helped.")
    first_at: Seconds
    last_at: Seconds
    nearest: list[NearestBody] = Field(description="The sections nearest to the last of them.")
    resolution: Resolution | None = Field(description="Null: it is open. What closed it otherwise.")
    curated: str | None = Field(description="The curated answer that closed it.")
    closed_by: str | None
    closed_at: Seconds | None

    @classmethod
    def of(cls, entry: Entry, readable: Callable[[str], bool]) -> Self:
        """The body of ``entry`` for somebody to whom these documents are ``readable``."""
        return cls(
            id=entry.id,
            collection=entry.collection,
            question=entry.question,
            count=entry.count,
            refused=entry.counts.get(Unanswered.REFUSED, 0),
            unsupported=entry.counts.get(Unanswered.UNSUPPORTED, 0),
            disliked=entry.counts.get(Unanswered.DISLIKED, 0),
            first_at=entry.first_at,
            last_at=entry.last_at,
            nearest=[NearestBody.of(place) for place in entry.nearest if readable(place.document)],
            resolution=entry.resolution,
            curated=entry.curated_id,
            closed_by=entry.closed_by,
            closed_at=entry.closed_at,
        )


class AskingBody(BaseModel):
    """One time that it was asked; by whom is not kept."""

    question: str
    reason: Unanswered
    asked_at: Seconds

    @classmethod
    def of(cls, asking: Asking) -> Self:
        """The body of ``asking``."""
        return cls(question=asking.question, reason=asking.reason, asked_at=asking.asked_at)


class WholeUnansweredBody(UnansweredBody):
    """An entry with the last hundred times that it was asked."""

    askings: list[AskingBody]


class UnansweredPageBody(BaseModel):
    """A page of the queue, the last asked first."""

    unanswered: list[UnansweredBody]
    next_cursor: NextCursor


class RecheckBody(BaseModel):
    """What the question gets now, and what has become of its entry."""

    entry: UnansweredBody
    answer: AnswerBody
