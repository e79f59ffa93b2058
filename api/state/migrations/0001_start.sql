CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    title TEXT NOT NULL,
    collection TEXT,
    created_at DOUBLE PRECISION NOT NULL,
    updated_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX conversations_by_owner ON conversations (owner, updated_at, id);

CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    question TEXT NOT NULL,
    text TEXT NOT NULL,
    answer_id TEXT UNIQUE,
    answer JSON,
    created_at DOUBLE PRECISION NOT NULL,
    UNIQUE (conversation_id, position)
);

CREATE TABLE feedback (
    id TEXT NOT NULL UNIQUE,
    answer_id TEXT NOT NULL,
    author TEXT NOT NULL,
    rating TEXT NOT NULL,
    reason TEXT,
    comment TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (answer_id, author)
);
CREATE INDEX feedback_by_time ON feedback (created_at, id);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    scopes JSON,
    collections JSON,
    batch BOOLEAN NOT NULL,
    requests_per_minute BIGINT,
    created_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION,
    revoked_at DOUBLE PRECISION,
    last_used_at DOUBLE PRECISION
);

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at DOUBLE PRECISION NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details JSON NOT NULL,
    request_id TEXT
);
CREATE INDEX audit_by_time ON audit (at, id);

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status BIGINT,
    headers JSON,
    body TEXT,
    created_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (owner, key)
);
