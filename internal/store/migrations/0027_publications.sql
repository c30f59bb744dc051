-- +goose Up
-- Figures that a person published. The bytes of each file are served unchanged.
CREATE TABLE publications (
    id       TEXT PRIMARY KEY,
    year     INTEGER NOT NULL,
    profile  TEXT NOT NULL,
    -- How many records of the log were counted, and the event of the decision.
    records  BIGINT NOT NULL,
    event    TEXT NOT NULL,
    at       BIGINT NOT NULL,
    json     BLOB NOT NULL,
    csv      BLOB NOT NULL,
    UNIQUE (year, profile)
);

-- +goose Down
DROP TABLE publications;
