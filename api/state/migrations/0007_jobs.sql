CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    collection TEXT NOT NULL,
    sources JSON NOT NULL,
    removal TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    started_at DOUBLE PRECISION,
    ended_at DOUBLE PRECISION,
    progress JSON,
    counts JSON,
    report JSON,
    error TEXT
);
CREATE INDEX jobs_by_time ON jobs (created_at, id);
