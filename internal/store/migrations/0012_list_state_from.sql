-- +goose Up
-- Who stopped an entry: empty for people of this node, 'source' for the source
-- of the list. What people here stopped, no import brings back.
ALTER TABLE list_entries ADD COLUMN state_from TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE list_entries DROP COLUMN state_from;
