-- +goose Up
-- Other organisations' nodes, and what passes between them and this one.
CREATE TABLE peers (
    id            TEXT PRIMARY KEY,
    document      BLOB NOT NULL,
    state         TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    sent_sequence BIGINT NOT NULL DEFAULT 0,
    seen_sequence BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE envelopes_out (
    id          TEXT PRIMARY KEY,
    recipient   TEXT NOT NULL REFERENCES peers (id),
    kind        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    sequence    BIGINT NOT NULL,
    body        BLOB NOT NULL,
    digest      TEXT NOT NULL,
    state       TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    answered_at BIGINT,
    attempts    INTEGER NOT NULL DEFAULT 0,
    last_error  TEXT NOT NULL DEFAULT '',
    receipt     TEXT NOT NULL DEFAULT '',
    UNIQUE (recipient, sequence)
);
CREATE INDEX envelopes_out_open ON envelopes_out (created_at) WHERE state = 'waiting';
CREATE INDEX envelopes_out_about ON envelopes_out (subject);
CREATE TABLE envelopes_in (
    source      TEXT NOT NULL,
    id          TEXT NOT NULL,
    kind        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    sequence    BIGINT NOT NULL,
    body        BLOB NOT NULL,
    digest      TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    receipt     TEXT NOT NULL,
    PRIMARY KEY (source, id)
);
-- Checkpoints of other nodes' logs, as witnesses against rewritten history.
CREATE TABLE peer_checkpoints (
    peer TEXT NOT NULL,
    size BIGINT NOT NULL,
    note TEXT NOT NULL,
    at   BIGINT NOT NULL,
    PRIMARY KEY (peer, size, note)
);

-- +goose Down
DROP TABLE peer_checkpoints;
DROP TABLE envelopes_in;
DROP TABLE envelopes_out;
DROP TABLE peers;
