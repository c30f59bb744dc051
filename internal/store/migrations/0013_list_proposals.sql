-- +goose Up
-- An own list takes entries from items that people of this organisation decided.
ALTER TABLE hash_lists ADD COLUMN own BOOLEAN NOT NULL DEFAULT FALSE;

-- That a decided item should become an entry, who said so, who confirmed it and
-- on which decisions the entry rests. `doubt` says why the node suspended it.
CREATE TABLE list_proposals (
    id             TEXT PRIMARY KEY,
    list_id        TEXT NOT NULL REFERENCES hash_lists (id),
    item_id        TEXT NOT NULL,
    state          TEXT NOT NULL,
    proposed_by    TEXT NOT NULL,
    proposed_at    BIGINT NOT NULL,
    reason         TEXT NOT NULL,
    settled_by     TEXT NOT NULL DEFAULT '',
    settled_at     BIGINT,
    settled_reason TEXT NOT NULL DEFAULT '',
    decisions      TEXT NOT NULL DEFAULT '',
    entry_id       TEXT NOT NULL DEFAULT '',
    doubt          TEXT NOT NULL DEFAULT '',
    doubt_at       BIGINT,
    erased_at      BIGINT
);
-- One at a time; a refused one does not stand in the way.
CREATE UNIQUE INDEX list_proposals_one ON list_proposals (list_id, item_id) WHERE state <> 'refused';
CREATE INDEX list_proposals_of_item ON list_proposals (item_id);
CREATE INDEX list_proposals_of_entry ON list_proposals (entry_id);

-- +goose Down
DROP TABLE list_proposals;
ALTER TABLE hash_lists DROP COLUMN own;
