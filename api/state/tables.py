"""The tables as queries see them. They are made by `api.state.migrations`."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    MetaData,
    String,
    Table,
    TypeDecorator,
)


class Words(TypeDecorator[str]):
    """Text that people and models write: NUL and halves of surrogate pairs become the replacement character.

    The one Postgres can't hold, the others no database.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Called by SQLAlchemy on the way in."""
        if value is None:
            return None
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


metadata = MetaData()
OPTIONAL_JSON = JSON(none_as_null=True)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("collection", Words),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    Column("id", String, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("question", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("answer_id", String, unique=True),
    Column("answer", OPTIONAL_JSON),
    Column("created_at", Double, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", String, nullable=False, unique=True),
    Column("answer_id", Words, primary_key=True),
    Column("author", Words, primary_key=True),
    Column("rating", String, nullable=False),
    Column("reason", String),
    Column("comment", Words, nullable=False),
    Column("created_at", Double, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Words, nullable=False),
    Column("prefix", String, nullable=False),
    Column("hash", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("scopes", OPTIONAL_JSON),
    Column("collections", OPTIONAL_JSON),
    Column("batch", Boolean, nullable=False),
    Column("requests_per_minute", BigInteger),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("last_used_at", Double),
    Column("origins", OPTIONAL_JSON),
    Column("labels", OPTIONAL_JSON),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Double, nullable=False),
    Column("actor", Words, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", Words, nullable=False),
    Column("details", JSON, nullable=False),
    Column("request_id", String),
)

curated = Table(
    "curated",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection", Words, nullable=False),
    Column("question", Words, nullable=False),
    Column("variants", JSON, nullable=False),
    Column("text", Words, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("owner", Words, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("verified_at", Double, nullable=False),
    Column("expires_at", Double),
)

unanswered = Table(
    "unanswered",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection", Words, nullable=False),
    Column("question", Words, nullable=False),
    Column("nearest", JSON, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("resolution", String),
    Column("curated_id", String),
    Column("closed_by", Words),
    Column("closed_at", Double),
)

unanswered_askings = Table(
    "unanswered_askings",
    metadata,
    Column("answer_id", String, primary_key=True),
    Column("unanswered_id", ForeignKey("unanswered.id", ondelete="CASCADE"), nullable=False),
    Column("question", Words, nullable=False),
    Column("reason", String, nullable=False),
    Column("asked_at", Double, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("owner", Words, primary_key=True),
    Column("key", Words, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("status", BigInteger),
    Column("headers", OPTIONAL_JSON),
    Column("body", String),
    Column("created_at", Double, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String, primary_key=True),
    Column("user_name", Words, nullable=False),
    Column("groups", JSON, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("state", String, primary_key=True),
    Column("nonce", String, nullable=False),
    Column("verifier", String, nullable=False),
    Column("destination", Words, nullable=False),
    Column("created_at", Double, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    Column("answer_id", String, primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("day", String, nullable=False),
    Column("caller", Words, nullable=False),
    Column("collection", Words, nullable=False),
    Column("outcome", String, nullable=False),
    Column("sentences", BigInteger, nullable=False),
    Column("unsupported", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("first_token_s", Double),
    Column("total_s", Double, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("collection", Words, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("removal", String, nullable=False),
    Column("owner", Words, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("progress", OPTIONAL_JSON),
    Column("counts", OPTIONAL_JSON),
    Column("report", OPTIONAL_JSON),
    Column("error", Words),
)
