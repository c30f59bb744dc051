-- +goose Up
-- The tamper-evident log. `record` holds the exact bytes that are hashed; the
-- columns beside it are a copy to search by. `position` is given by the
-- sequencer, at most a second after the record was committed.
CREATE TABLE log_events (
    id         TEXT PRIMARY KEY,
    position   BIGINT UNIQUE,
    record     BLOB NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    operation  TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    resource   TEXT NOT NULL,
    outcome    TEXT NOT NULL
);
CREATE INDEX log_events_unsequenced ON log_events (id) WHERE position IS NULL;
CREATE INDEX log_events_by_resource ON log_events (resource, at);
CREATE INDEX log_events_by_actor ON log_events (actor, at);

-- The hashes of the Merkle tree, numbered as golang.org/x/mod/sumdb/tlog does.
CREATE TABLE log_hashes (
    number BIGINT PRIMARY KEY,
    hash   BLOB NOT NULL
);

-- Signed checkpoints (C2SP tlog-checkpoint), one for each batch.
CREATE TABLE log_checkpoints (
    size BIGINT PRIMARY KEY,
    note TEXT NOT NULL,
    at   BIGINT NOT NULL
);

-- One row, locked by whoever extends the tree.
CREATE TABLE log_head (
    id   INTEGER PRIMARY KEY,
    size BIGINT NOT NULL
);
INSERT INTO log_head (id, size) VALUES (1, 0);

-- +goose Down
DROP TABLE log_head;
DROP TABLE log_checkpoints;
DROP TABLE log_hashes;
DROP TABLE log_events;
