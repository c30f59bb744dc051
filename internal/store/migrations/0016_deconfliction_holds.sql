-- +goose Up
-- Questions of other authorities whether a removal would harm what is done here.
CREATE TABLE deconflictions (
    id          TEXT PRIMARY KEY,
    source      TEXT NOT NULL,
    name        TEXT NOT NULL,
    envelope    TEXT NOT NULL,
    state       TEXT NOT NULL,
    until       BIGINT,
    question    BLOB NOT NULL,
    answer      TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    answered_at BIGINT,
    version     BIGINT NOT NULL,
    UNIQUE (source, name)
);
-- What a question is about: addresses, and the SHA-256 of items in hex.
CREATE TABLE deconfliction_subjects (
    deconfliction_id TEXT NOT NULL REFERENCES deconflictions (id),
    subject          TEXT NOT NULL,
    PRIMARY KEY (deconfliction_id, subject)
);
CREATE INDEX deconfliction_subjects_on ON deconfliction_subjects (subject);
-- Requests of competent authorities to wait. `body` is a record of domain/hold.
CREATE TABLE holds (
    id      TEXT PRIMARY KEY,
    kind    TEXT NOT NULL,
    -- An address, or the SHA-256 of an item in hex.
    subject TEXT NOT NULL,
    until   BIGINT NOT NULL,
    body    BLOB NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX holds_on ON holds (subject, until);

-- +goose Down
DROP TABLE holds;
DROP TABLE deconfliction_subjects;
DROP TABLE deconflictions;
