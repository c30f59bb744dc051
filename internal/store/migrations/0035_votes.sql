-- +goose Up
-- What people here hold of records of an exchange, and how far the exchange was told: a
-- person approved each. Decisions are those that it rests on.
CREATE TABLE list_votes (
    id          TEXT PRIMARY KEY,
    list_id     TEXT NOT NULL REFERENCES hash_lists (id),
    entry_id    TEXT NOT NULL,
    record      TEXT NOT NULL,
    item_id     TEXT NOT NULL,
    -- Which digest of the entry is that of the item: MD5 or SHA-1.
    fingerprint TEXT NOT NULL,
    affirmative BOOLEAN NOT NULL,
    -- The exchange's own reason of a negative vote: its identifier and its name.
    guid        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    decisions   TEXT NOT NULL,
    approved_by TEXT NOT NULL,
    approved_at BIGINT NOT NULL,
    -- Why, for those who look at it here later; not sent.
    why         TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempts    BIGINT NOT NULL,
    sent_at     BIGINT,
    because     TEXT NOT NULL,
    -- Why it did not get through so far.
    problem     TEXT NOT NULL
);
CREATE INDEX list_votes_of_list ON list_votes (list_id, approved_at);
CREATE INDEX list_votes_of_item ON list_votes (item_id);

-- The reasons that an exchange lets a negative vote give.
CREATE TABLE vote_reasons (
    exchange    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    guid        TEXT NOT NULL,
    name        TEXT NOT NULL,
    PRIMARY KEY (exchange, fingerprint, guid)
);

-- When they were read last, and why they could not be read since.
CREATE TABLE vote_reasons_read (
    exchange TEXT PRIMARY KEY,
    read_at  BIGINT,
    problem  TEXT NOT NULL
);

-- +goose Down
DROP TABLE vote_reasons_read;
DROP TABLE vote_reasons;
DROP TABLE list_votes;
