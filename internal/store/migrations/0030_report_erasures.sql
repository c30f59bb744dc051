-- +goose Up
-- Reports of others whose text a person erased here. Their rows stay, with what
-- is left of them.
CREATE TABLE report_erasures (
    subject  TEXT PRIMARY KEY,
    person   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    -- The record of the log that is the decision.
    decision TEXT NOT NULL,
    at       BIGINT NOT NULL
);

-- +goose Down
DROP TABLE report_erasures;
