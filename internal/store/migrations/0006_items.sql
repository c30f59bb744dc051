-- +goose Up
-- An item is assessed once, whatever the number of its sightings. `assessment`
-- is the state machine of domain/item as JSON; the columns beside it are what
-- the queue is ordered and filtered by.
CREATE TABLE items (
    id           TEXT PRIMARY KEY,
    mime         TEXT NOT NULL,
    size         BIGINT NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    md5          TEXT NOT NULL,
    sha1         TEXT NOT NULL,
    pdq          TEXT NOT NULL,
    pdq_quality  INTEGER NOT NULL,
    media_status TEXT NOT NULL,
    content      TEXT NOT NULL,
    scheme       TEXT NOT NULL,
    review       TEXT NOT NULL,
    tier         TEXT NOT NULL,
    score        DOUBLE NOT NULL,
    why          TEXT NOT NULL,
    state        TEXT NOT NULL,
    assessment   BLOB NOT NULL,
    outcome      TEXT NOT NULL,
    claimed_by   TEXT NOT NULL,
    claimed_until BIGINT,
    first_decider TEXT NOT NULL,
    received_at  BIGINT NOT NULL,
    decided_at   BIGINT,
    sightings    BIGINT NOT NULL,
    version      BIGINT NOT NULL
);
CREATE INDEX items_queue ON items (state, tier, score DESC, received_at, id);
CREATE TABLE sightings (
    id          TEXT PRIMARY KEY,
    item_id     TEXT NOT NULL REFERENCES items (id),
    source      TEXT NOT NULL,
    legal_basis TEXT NOT NULL,
    submitted_by TEXT NOT NULL,
    client_ref  TEXT NOT NULL,
    at          BIGINT NOT NULL,
    context     BLOB NOT NULL,
    matches     BLOB NOT NULL,
    inherited   TEXT NOT NULL DEFAULT '',
    reported_in TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sightings_of ON sightings (item_id, at);
CREATE INDEX sightings_by_time ON sightings (at, id);
CREATE TABLE decisions (
    id       TEXT PRIMARY KEY,
    item_id  TEXT NOT NULL REFERENCES items (id),
    person   TEXT NOT NULL,
    round    TEXT NOT NULL,
    body     BLOB NOT NULL,
    outcome  TEXT NOT NULL,
    at       BIGINT NOT NULL,
    event    TEXT NOT NULL,
    undone_at BIGINT
);
CREATE INDEX decisions_of ON decisions (item_id, at);
CREATE TABLE passes (
    item_id TEXT NOT NULL REFERENCES items (id),
    person  TEXT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (item_id, person)
);
CREATE TABLE exposures (
    id       TEXT PRIMARY KEY,
    item_id  TEXT NOT NULL REFERENCES items (id),
    person   TEXT NOT NULL,
    level    TEXT NOT NULL,
    points   INTEGER NOT NULL,
    from_at  BIGINT NOT NULL,
    until_at BIGINT,
    request  BLOB NOT NULL
);
CREATE INDEX exposures_of_person ON exposures (person, from_at);
CREATE INDEX exposures_of_item ON exposures (item_id, from_at);
CREATE TABLE breaks (
    person       TEXT PRIMARY KEY,
    limit_points INTEGER NOT NULL,
    lock_minutes INTEGER NOT NULL,
    set_by       TEXT NOT NULL,
    set_at       BIGINT NOT NULL
);
-- A break that was reached; a softer rule never shortens it.
CREATE TABLE locks (
    person   TEXT PRIMARY KEY,
    from_at  BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);
-- Answers that were given to requests with an idempotency key.
CREATE TABLE idempotency (
    actor   TEXT NOT NULL,
    key     TEXT NOT NULL,
    request TEXT NOT NULL,
    status  INTEGER NOT NULL,
    answer  BLOB NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);

-- +goose Down
DROP TABLE idempotency;
DROP TABLE locks;
DROP TABLE breaks;
DROP TABLE exposures;
DROP TABLE passes;
DROP TABLE decisions;
DROP TABLE sightings;
DROP TABLE items;
