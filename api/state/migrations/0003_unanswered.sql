CREATE TABLE unanswered (
    id TEXT PRIMARY KEY,
    collection TEXT NOT NULL,
    question TEXT NOT NULL,
    nearest JSON NOT NULL,
    first_at DOUBLE PRECISION NOT NULL,
    last_at DOUBLE PRECISION NOT NULL,
    resolution TEXT,
    curated_id TEXT,
    closed_by TEXT,
    closed_at DOUBLE PRECISION
);
CREATE INDEX unanswered_by_time ON unanswered (last_at, id);

CREATE TABLE unanswered_askings (
    answer_id TEXT PRIMARY KEY,
    unanswered_id TEXT NOT NULL REFERENCES unanswered (id) ON DELETE CASCADE,
    question TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX askings_by_entry ON unanswered_askings (unanswered_id, asked_at);
