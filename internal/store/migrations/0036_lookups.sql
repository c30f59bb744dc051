-- +goose Up
-- Uploads that no list here knows and that wait until an exchange has answered about them,
-- sealed under the look-up's own name and shown to nobody. What the exchange knows becomes a
-- sighting of an item; of the rest nothing is kept.
CREATE TABLE lookups (
    id         TEXT PRIMARY KEY,
    exchange   TEXT NOT NULL,
    source     TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    -- begun while its content is sealed, waiting, or settled while its content is not erased yet.
    state      TEXT NOT NULL,
    -- What was handed in, as JSON, while it waits.
    upload     BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    -- How often it was sent.
    attempts   BIGINT NOT NULL
);
CREATE INDEX lookups_in_order ON lookups (exchange, state, created_at, id);

-- +goose Down
DROP TABLE lookups;
