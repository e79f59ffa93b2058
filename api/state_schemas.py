"""Bodies of conversations, feedback, keys and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, StringConstraints

from api.access import Permission, Role
from api.schemas import AnswerBody, CollectionName, RequestBody
from api.state.audit import Entry
from api.state.conversations import Conversation, StoredTurn
from api.state.feedback import Feedback, Rating, Reason
from api.state.keys import ApiKey

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Seconds = Annotated[float, Field(description="UTC seconds since the epoch.", examples=[1_790_000_000.0])]
NextCursor = Annotated[str | None, Field(description="`cursor` of the next page; null on the last one.")]


class ConversationRequest(RequestBody):
    """A new conversation."""

    title: Title | None = Field(None, description="Left out: the first question gives it one.", examples=["Corvo 200"])
    collection: CollectionName | None = Field(None, description="What is asked where a question names none.")


class RenameRequest(RequestBody):
    """Another title."""

    title: Title = Field(examples=["Inlet filters"])


class ConversationBody(BaseModel):
    """A conversation without its turns."""

    id: str
    title: str
    collection: str | None
    created_at: Seconds
    updated_at: Seconds

    @classmethod
    def of(cls, conversation: Conversation) -> Self:
        """The body of ``conversation``."""
        return cls(**{name: getattr(conversation, name) for name in ConversationBody.model_fields})


class ConversationsBody(BaseModel):
    """A page of conversations, the last changed first."""

    conversations: list[ConversationBody]
    next_cursor: NextCursor


class StoredTurnBody(BaseModel):
    """A question and what it got: the whole answer as it was given, or the text until it was stopped."""

    id: str
    question: str
    text: str
    answer: AnswerBody | None
    rating: Rating | None = Field(description="What the caller thinks of the answer, if he said so.")
    created_at: Seconds

    @classmethod
    def of(cls, turn: StoredTurn, ratings: Mapping[str, Rating]) -> Self:
        """The body of ``turn``; ``ratings`` by the answer's id."""
        answer = None if turn.answer is None else AnswerBody.model_validate(turn.answer)
        return cls(
            id=turn.id,
            question=turn.question,
            text=turn.text,
            answer=answer,
            rating=None if answer is None else ratings.get(answer.id),
            created_at=turn.created_at,
        )


class WholeConversationBody(ConversationBody):
    """A conversation with its turns in order."""

    turns: list[StoredTurnBody]


class FeedbackRequest(RequestBody):
    """What the caller thinks of an answer; it replaces what he thought of it before."""

    answer: str = Field(pattern=r"^ans_[0-9a-f]{32}$", description="The answer's `id`.", examples=["ans_" + "0" * 32])
    rating: Rating
    reason: Reason | None = None
    comment: str = Field("", max_length=2000)


class FeedbackBody(BaseModel):
    """An opinion; with the question and the answer's text if they stand in a stored conversation."""

    id: str
    answer: str
    author: str
    rating: Rating
    reason: Reason | None
    comment: str
    created_at: Seconds
    question: str | None
    text: str | None

    @classmethod
    def of(cls, feedback: Feedback) -> Self:
        """The body of ``feedback``."""
        values = {name: getattr(feedback, name) for name in cls.model_fields if name != "answer"}
        return cls(answer=feedback.answer_id, **values)


class FeedbackPageBody(BaseModel):
    """A page of feedback, the newest first."""

    feedback: list[FeedbackBody]
    next_cursor: NextCursor


class KeyBody(BaseModel):
    """An API key without its secret."""

    id: str
    name: str
    prefix: str = Field(description="How its secret begins.")
    role: Role
    scopes: list[Permission] | None = Field(description="Null: whatever the role may.")
    collections: list[str] | None = Field(description="Null: all.")
    batch: bool
    requests_per_minute: int | None
    created_at: Seconds
    expires_at: Seconds | None
    revoked_at: Seconds | None
    last_used_at: Seconds | None
    origins: list[str] | None = Field(
        description="Sites whose pages may show the chat by it. Null: none, it is secret."
    )
    labels: list[str] | None = Field(
        description="Labels of documents that it may read beside those without any. Null: what the role may, an admin "
        "everything."
    )

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """The body of ``key``."""
        values: dict[str, Any] = {name: getattr(key, name) for name in cls.model_fields}
        for name in ("scopes", "collections", "origins", "labels"):
            values[name] = None if values[name] is None else sorted(values[name])
        return cls(**values)


class KeysBody(BaseModel):
    """All keys, the oldest first."""

    keys: list[KeyBody]


class AuditEntryBody(BaseModel):
    """One administrative act."""

    id: str
    at: Seconds
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    request_id: str | None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The body of ``entry``."""
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


class AuditBody(BaseModel):
    """A page of the audit log, the newest first."""

    entries: list[AuditEntryBody]
    next_cursor: NextCursor
