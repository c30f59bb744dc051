-- +goose Up
-- Which items an entry of a list matched and when last: what floods is counted from
-- it. `held_at` is since when the item waits because the entry is in quarantine. Rows
-- older than the window go, but for those that are held.
CREATE TABLE entry_hits (
    entry_id TEXT NOT NULL,
    list_id  TEXT NOT NULL,
    item_id  TEXT NOT NULL,
    at       BIGINT NOT NULL,
    exact    BOOLEAN NOT NULL,
    held_at  BIGINT,
    PRIMARY KEY (entry_id, item_id)
);
CREATE INDEX entry_hits_in_time ON entry_hits (entry_id, at);
CREATE INDEX entry_hits_held ON entry_hits (item_id) WHERE held_at IS NOT NULL;
CREATE INDEX entry_hits_swept ON entry_hits (at) WHERE held_at IS NULL;

-- Entries that matched too much, why, and what people did about it.
CREATE TABLE entry_quarantines (
    id            TEXT PRIMARY KEY,
    entry_id      TEXT NOT NULL,
    list_id       TEXT NOT NULL,
    since         BIGINT NOT NULL,
    -- Until when people should have looked; then they are told again.
    look_by       BIGINT NOT NULL,
    items         BIGINT NOT NULL,
    compared      BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    ended_at      BIGINT,
    -- active (lifted), suspended or withdrawn.
    outcome       TEXT NOT NULL DEFAULT '',
    ended_by      TEXT NOT NULL DEFAULT '',
    ended_because TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX entry_quarantines_open ON entry_quarantines (entry_id) WHERE ended_at IS NULL;
CREATE INDEX entry_quarantines_of_list ON entry_quarantines (list_id, since);
CREATE INDEX entry_quarantines_of_entry ON entry_quarantines (entry_id, ended_at);

-- How many files each process compared in each minute.
CREATE TABLE compared_files (
    minute  BIGINT NOT NULL,
    process TEXT NOT NULL,
    files   BIGINT NOT NULL,
    PRIMARY KEY (minute, process)
);

-- All hashes of an item, as engine/pdq keeps them, so that lists that grow can be asked
-- as they were for the upload. NULL for items from before.
ALTER TABLE items ADD COLUMN forms BLOB;

-- How far the items held here were compared with the entries of a list: everything up
-- to (through_version, through_id); and, while it goes on, the entries up to
-- (until_version, until_id) with the items up to item_cursor. The counts are of one
-- run, from its begin to when the list held nothing new.
CREATE TABLE list_comparisons (
    list_id         TEXT PRIMARY KEY,
    step            BIGINT NOT NULL,
    through_version BIGINT NOT NULL,
    through_id      TEXT NOT NULL,
    until_version   BIGINT NOT NULL,
    until_id        TEXT NOT NULL,
    item_cursor     TEXT NOT NULL,
    begun_at        BIGINT NOT NULL,
    ended_at        BIGINT,
    entries         BIGINT NOT NULL,
    expected        BIGINT NOT NULL,
    items           BIGINT NOT NULL,
    left_out        BIGINT NOT NULL,
    matches         BIGINT NOT NULL
);

-- Items of which a list learnt after they came here. A person decides what follows.
CREATE TABLE items_found_again (
    item_id  TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    list_id  TEXT NOT NULL,
    at       BIGINT NOT NULL,
    -- What people had decided by then; empty when they had not.
    outcome  TEXT NOT NULL,
    -- The match as JSON, as sightings keep it.
    found    BLOB NOT NULL,
    event    TEXT NOT NULL,
    PRIMARY KEY (item_id, entry_id)
);
CREATE INDEX items_found_again_by_list ON items_found_again (list_id, at);

-- +goose Down
DROP TABLE items_found_again;
DROP TABLE list_comparisons;
ALTER TABLE items DROP COLUMN forms;
DROP TABLE compared_files;
DROP TABLE entry_quarantines;
DROP TABLE entry_hits;
