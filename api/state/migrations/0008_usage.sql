CREATE TABLE usage (
    answer_id TEXT PRIMARY KEY,
    asked_at DOUBLE PRECISION NOT NULL,
    day TEXT NOT NULL,
    caller TEXT NOT NULL,
    collection TEXT NOT NULL,
    outcome TEXT NOT NULL,
    sentences BIGINT NOT NULL,
    unsupported BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    first_token_s DOUBLE PRECISION,
    total_s DOUBLE PRECISION NOT NULL
);
CREATE INDEX usage_by_day ON usage (day, caller);
CREATE INDEX usage_by_time ON usage (asked_at);
