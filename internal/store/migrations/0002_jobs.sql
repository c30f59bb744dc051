-- +goose Up
-- Durable work and clocks. A job is enqueued in the transaction that makes it
-- due, and completed in the transaction that holds its effect.
CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    payload     BLOB NOT NULL,
    unique_key  TEXT,
    priority    INTEGER NOT NULL,
    state       TEXT NOT NULL,
    run_at      BIGINT NOT NULL,
    attempt     INTEGER NOT NULL DEFAULT 0,
    max_attempt INTEGER NOT NULL,
    leased_by   TEXT,
    lease_until BIGINT,
    last_error  TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX jobs_due ON jobs (priority, run_at, id) WHERE state = 'waiting';
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
CREATE UNIQUE INDEX jobs_unique ON jobs (kind, unique_key) WHERE state IN ('waiting', 'running');

-- +goose Down
DROP TABLE jobs;
