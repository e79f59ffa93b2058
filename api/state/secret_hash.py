"""How secrets that callers send are kept: as hashes, so that a copy of the database opens nothing."""

from __future__ import annotations

import hashlib


def secret_hash(secret: str) -> str:
    """SHA-256 in hexadecimal; secrets are long and random, so that nothing slower is needed. Takes any string."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
