-- +goose Up
-- What was said, by a closed list, about the use and quality of a report: by
-- people here, or by another node about a report of this one.
CREATE TABLE report_feedback (
    id       TEXT PRIMARY KEY,
    subject  TEXT NOT NULL,
    -- The node whose person said it, and what it is: centre or authority.
    source   TEXT NOT NULL,
    said_by  TEXT NOT NULL,
    profile  TEXT NOT NULL,
    code     TEXT NOT NULL,
    decision TEXT NOT NULL,
    at       BIGINT NOT NULL,
    UNIQUE (subject, source, said_by, code)
);

-- +goose Down
DROP TABLE report_feedback;
