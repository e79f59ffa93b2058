"""Bodies of curated answers."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints, field_validator

from api.schemas import CollectionName, RequestBody, SpanBody
from api.state_schemas import NextCursor, Seconds, Title
from ingest.catalog import Catalog
from ingest.document import DocumentId, Revision
from qa.answer import Freshness
from qa.curated import CuratedAnswer, CuratedAnswers, CuratedSource

MAX_TEXT = 20_000
MAX_QUOTE = 4_000

QuestionText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
AnswerText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT)]
Expiry = Annotated[
    float | None,
    Field(gt=0, lt=1e11, description="UTC seconds since the epoch; null: it holds while its sources do."),
]


class CuratedSourceRequest(RequestBody):
    """Words of a document's present revision on which the answer rests."""

    document: str = Field(max_length=64, description="The document's id.")
    quote: str = Field(min_length=1, max_length=MAX_QUOTE, description="As it stands there, letter for letter.")
    start: int | None = Field(
        None, ge=0, lt=2**31, description="Where it begins; the nearest place counts. Left out: the first."
    )


Sources = Annotated[list[CuratedSourceRequest], Field(min_length=1, max_length=20)]
Variants = Annotated[list[QuestionText], Field(max_length=50, description="Other wordings of the question.")]


class CuratedRequest(RequestBody):
    """A verified answer to a question."""

    question: QuestionText = Field(examples=["How long is the Pipit's pairing window?"])
    variants: Variants = Field(default=[])
    answer: AnswerText = Field(examples=["It stays open for 10 minutes."])
    sources: Sources
    collection: CollectionName | None = Field(None, description="Left out: the default collection.")
    owner: Title | None = Field(None, description="Who answers for it, as readers see it. Left out: the caller.")
    expires_at: Expiry = None
    unanswered: str | None = Field(
        None, max_length=64, description="Entry of the queue that this closes; its question becomes a variant."
    )


class CuratedChange(RequestBody):
    """Another question, answer, owner or expiry; what is left out stays. It counts as verified now."""

    question: QuestionText | None = None
    variants: Variants | None = None
    answer: AnswerText | None = None
    sources: Sources | None = Field(None, description="Left out: they stay, and what is stale stays so.")
    owner: Title | None = None
    expires_at: Expiry = None

    @field_validator("question", "variants", "answer", "sources", "owner")
    @classmethod
    def _is_not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("may be left out, not null")
        return value


class CuratedSourceBody(BaseModel):
    """A source, and whether it still holds."""

    document: str
    source: str = Field(description="The file; empty once nothing is left of the document.")
    title: str
    revision: int = Field(description="The revision in which it was verified.")
    span: SpanBody
    quote: str
    current: bool = Field(description="Whether that revision is the one that holds.")
    stands: bool = Field(description="Whether the quote still stands in the revision that holds.")

    @classmethod
    def of(cls, source: CuratedSource, answers: CuratedAnswers, catalog: Catalog) -> Self:
        """The body of ``source``."""
        history = catalog.history(DocumentId(source.document_id))
        known: Revision | None = history[-1] if history else None
        return cls(
            document=source.document_id,
            source=known.source if known else "",
            title=known.title if known else "",
            revision=source.revision,
            span=(source.span.start, source.span.end),
            quote=source.quote,
            current=answers.holds(source),
            stands=answers.stands(source),
        )


class CuratedBody(BaseModel):
    """A curated answer with its sources as they are now."""

    id: str
    collection: str
    question: str
    variants: list[str]
    answer: str
    owner: str
    freshness: Freshness = Field(description="`stale`: a cited document has changed or is gone; it is not served.")
    created_at: Seconds
    verified_at: Seconds
    expires_at: Seconds | None
    sources: list[CuratedSourceBody]

    @classmethod
    def of(cls, curated: CuratedAnswer, answers: CuratedAnswers, catalog: Catalog) -> Self:
        """The body of ``curated``."""
        return cls(
            id=curated.id,
            collection=curated.collection,
            question=curated.question,
            variants=list(curated.variants),
            answer=curated.text,
            owner=curated.owner,
            freshness=answers.freshness(curated),
            created_at=curated.created_at,
            verified_at=curated.verified_at,
            expires_at=curated.expires_at,
            sources=[CuratedSourceBody.of(source, answers, catalog) for source in curated.sources],
        )


class CuratedPageBody(BaseModel):
    """A page of curated answers, the newest first."""

    curated: list[CuratedBody]
    next_cursor: NextCursor
