-- +goose Up
-- Reports that this node makes, and those that it received. `body` is the
-- report of domain/report and `lifecycle` its state machine, both as JSON.
CREATE TABLE reports (
    id           TEXT PRIMARY KEY,
    state        TEXT NOT NULL,
    form         TEXT NOT NULL,
    body         BLOB NOT NULL,
    lifecycle    BLOB NOT NULL,
    notice       BLOB NOT NULL,
    notice_due   BIGINT,
    author       TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    envelope     TEXT NOT NULL DEFAULT '',
    urgent       BOOLEAN NOT NULL,
    completeness INTEGER NOT NULL,
    created_at   BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL
);
CREATE INDEX reports_by_change ON reports (changed_at DESC, id);
CREATE INDEX reports_notice ON reports (notice_due);
CREATE TABLE received_reports (
    id           TEXT PRIMARY KEY,
    sender       TEXT NOT NULL,
    sender_name  TEXT NOT NULL,
    reference    TEXT NOT NULL,
    envelope     TEXT NOT NULL,
    form         TEXT NOT NULL,
    body         BLOB NOT NULL,
    urgent       BOOLEAN NOT NULL,
    completeness INTEGER NOT NULL,
    missing      BLOB NOT NULL,
    state        TEXT NOT NULL,
    received_at  BIGINT NOT NULL,
    UNIQUE (sender, envelope)
);
CREATE INDEX received_queue ON received_reports (state, urgent DESC, received_at, id);
-- What became of a report, for those who worked on it.
CREATE TABLE outcomes (
    id        TEXT PRIMARY KEY,
    report_id TEXT NOT NULL,
    kind      TEXT NOT NULL,
    source    TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX outcomes_of ON outcomes (report_id, at);

-- +goose Down
DROP TABLE outcomes;
DROP TABLE received_reports;
DROP TABLE reports;
