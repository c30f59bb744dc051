-- +goose Up
-- Questions of people, which items held here show the same scene as one of them.
CREATE TABLE scene_searches (
    id       TEXT PRIMARY KEY,
    item_id  TEXT NOT NULL REFERENCES items (id),
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    reason   TEXT NOT NULL,
    -- How many items could have been compared and were too many.
    beyond   BIGINT NOT NULL,
    ended_at BIGINT,
    -- Why it ended without an answer; empty when it has one.
    problem  TEXT NOT NULL DEFAULT ''
);
-- A person asks one question at a time.
CREATE UNIQUE INDEX scene_searches_open ON scene_searches (asked_by) WHERE ended_at IS NULL;
CREATE INDEX scene_searches_of ON scene_searches (item_id, asked_at);

-- The items that a question is about, and what became of each. Nothing by which a
-- picture is recognised is kept: only how one came out of the other.
CREATE TABLE scene_comparisons (
    search_id TEXT NOT NULL REFERENCES scene_searches (id),
    place     BIGINT NOT NULL,
    item_id   TEXT NOT NULL,
    -- decided or waiting.
    ground    TEXT NOT NULL,
    -- Empty while it is to be compared; then alike, unlike, or why it was not compared.
    result    TEXT NOT NULL DEFAULT '',
    -- What was found of it, as JSON.
    found     BLOB,
    PRIMARY KEY (search_id, place)
);
CREATE INDEX scene_comparisons_with ON scene_comparisons (item_id);

-- +goose Down
DROP TABLE scene_comparisons;
DROP TABLE scene_searches;
