-- +goose Up
-- Questions about what a report lacks. `side` says which side this node is on:
-- 'asked' (it asks), 'received' (it is asked), 'passed' (an answer that was
-- passed on to it). `body` is a report.Question as JSON.
CREATE TABLE report_questions (
    id         TEXT PRIMARY KEY,
    side       TEXT NOT NULL,
    -- The report that it is about, by this node's name, and the other node.
    subject    TEXT NOT NULL,
    peer       TEXT NOT NULL,
    -- The asker's name of the question, and the envelope that carried it.
    name       TEXT NOT NULL,
    envelope   TEXT NOT NULL,
    state      TEXT NOT NULL,
    due        BIGINT NOT NULL,
    body       BLOB NOT NULL,
    asked_at   BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    UNIQUE (side, peer, name)
);
CREATE INDEX report_questions_of ON report_questions (subject, asked_at, id);
CREATE INDEX report_questions_in ON report_questions (envelope);
CREATE INDEX report_questions_waiting ON report_questions (side, state, due, id);
-- What a report holds with the answers to questions; `completeness` stays that of
-- the report as it came.
ALTER TABLE received_reports ADD COLUMN completeness_now INTEGER NOT NULL DEFAULT 0;
UPDATE received_reports SET completeness_now = completeness;

-- +goose Down
ALTER TABLE received_reports DROP COLUMN completeness_now;
DROP TABLE report_questions;
