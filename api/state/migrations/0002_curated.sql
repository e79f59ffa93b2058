CREATE TABLE curated (
    id TEXT PRIMARY KEY,
    collection TEXT NOT NULL,
    question TEXT NOT NULL,
    variants JSON NOT NULL,
    text TEXT NOT NULL,
    sources JSON NOT NULL,
    owner TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    verified_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION
);
CREATE INDEX curated_by_collection ON curated (collection, created_at, id);
