"""Every route and what it asks of its caller; None: anybody."""

from __future__ import annotations

from api.access import Permission

ASK, READ, CURATE, ADMIN = Permission.ASK, Permission.READ, Permission.CURATE, Permission.ADMIN
INGEST = Permission.INGEST

PERMISSIONS: dict[tuple[str, str], Permission | None] = {
    ("POST", "/v1/answers"): ASK,
    ("POST", "/v1/chat/completions"): ASK,
    ("GET", "/v1/models"): ASK,
    ("GET", "/v1/models/{model}"): ASK,
    ("POST", "/v1/conversations"): ASK,
    ("GET", "/v1/conversations"): ASK,
    ("GET", "/v1/conversations/{conversation}"): ASK,
    ("PATCH", "/v1/conversations/{conversation}"): ASK,
    ("DELETE", "/v1/conversations/{conversation}"): ASK,
    ("GET", "/v1/conversations/{conversation}/export"): ASK,
    ("POST", "/v1/feedback"): ASK,
    ("GET", "/v1/feedback"): CURATE,
    ("POST", "/v1/curated"): CURATE,
    ("GET", "/v1/curated"): CURATE,
    ("GET", "/v1/curated/{curated}"): CURATE,
    ("PATCH", "/v1/curated/{curated}"): CURATE,
    ("POST", "/v1/curated/{curated}/verify"): CURATE,
    ("DELETE", "/v1/curated/{curated}"): CURATE,
    ("GET", "/v1/unanswered"): CURATE,
    ("GET", "/v1/unanswered/{unanswered}"): CURATE,
    ("POST", "/v1/unanswered/{unanswered}/recheck"): CURATE,
    ("DELETE", "/v1/unanswered/{unanswered}"): CURATE,
    ("POST", "/v1/embeddings"): ASK,
    ("POST", "/v1/search"): READ,
    ("GET", "/v1/collections"): READ,
    ("GET", "/v1/documents"): READ,
    ("GET", "/v1/documents/{document}/revisions"): READ,
    ("GET", "/v1/documents/{document}/revisions/{revision}"): READ,
    ("GET", "/v1/documents/{document}/revisions/{revision}/original"): READ,
    ("GET", "/v1/documents/{document}/diff"): READ,
    ("DELETE", "/v1/documents/{document}"): INGEST,
    ("POST", "/v1/documents/{document}/revisions/{revision}/restore"): INGEST,
    ("GET", "/v1/ingest"): INGEST,
    ("POST", "/v1/ingest"): INGEST,
    ("GET", "/v1/jobs"): INGEST,
    ("GET", "/v1/jobs/{job}"): INGEST,
    ("GET", "/v1/jobs/{job}/events"): INGEST,
    ("POST", "/v1/jobs/{job}/cancel"): INGEST,
    ("GET", "/v1/keys"): ADMIN,
    ("POST", "/v1/keys"): ADMIN,
    ("DELETE", "/v1/keys/{key}"): ADMIN,
    ("GET", "/v1/audit"): ADMIN,
    ("GET", "/v1/usage"): ADMIN,
    ("GET", "/metrics"): ADMIN,
    ("GET", "/v1/session"): None,
    ("DELETE", "/v1/session"): None,
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
}
