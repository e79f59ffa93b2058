"""Bodies of searches: passages as they are written, without an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints

from api.links import Links
from api.schemas import CollectionName, Moment, RequestBody, SourceBody, scope_at
from qa.answer import Mode, Question, RetrievedPassage

MAX_LIMIT = 50
MAX_OFFSET = 200


class SearchRequest(RequestBody):
    """What to search for, and which part of the list to give."""

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        description="A question or some words; at most `max_question_length` characters.",
        examples=["replace the inlet filter of the Corvo 200"],
    )
    collection: CollectionName | None = Field(
        None, description="Which documents to search; the default collection if left out."
    )
    limit: int = Field(10, ge=1, le=MAX_LIMIT, description="Passages, at most.")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="Passages to leave out at the beginning of the list.")
    as_of: Moment | None = None

    def to_question(self, default_collection: str) -> Question:
        """The search as the product knows it."""
        return Question(self.query, self.collection or default_collection, mode=Mode.SEARCH, scope=scope_at(self.as_of))


class FoundBody(SourceBody):
    """A passage with what it scored; ``number`` is its place in the whole list."""

    revision_id: str
    lexical: float | None = Field(description="BM25 of its words; null if only its meaning matched.")
    url: str | None = Field(description="Page that shows the passage in its document; null without a server.")

    @classmethod
    def found(cls, number: int, retrieved: RetrievedPassage, links: Links | None) -> Self:
        """The body of what stands at ``number`` of the list."""
        source = SourceBody.of(number, retrieved)
        return cls(
            **dict(source),
            revision_id=retrieved.stored.revision.id,
            lexical=retrieved.lexical,
            url=links and links.place(source.document, source.revision, source.span),
        )


class SearchBody(BaseModel):
    """Passages, the best first."""

    query: str
    collection: str
    results: list[FoundBody]
    next_offset: int | None = Field(description="`offset` of the next part; null on the last one.")

    @classmethod
    def of(
        cls, request: SearchRequest, collection: str, found: Sequence[RetrievedPassage], links: Links | None = None
    ) -> Self:
        """The part of ``found`` that was asked for; it holds one more passage where there are more."""
        end = request.offset + request.limit
        results = [
            FoundBody.found(number, passage, links)
            for number, passage in enumerate(found[request.offset : end], request.offset + 1)
        ]
        more = len(found) > end and end <= MAX_OFFSET
        return cls(query=request.query, collection=collection, results=results, next_offset=end if more else None)
