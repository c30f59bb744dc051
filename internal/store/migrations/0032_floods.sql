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

-- +goose Down
DROP TABLE compared_files;
DROP TABLE entry_quarantines;
DROP TABLE entry_hits;
