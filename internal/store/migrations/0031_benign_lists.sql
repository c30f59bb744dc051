-- +goose Up
-- Lists of known benign look-alikes: what is near to one of them is not brought
-- to people for being near to an entry of another list.
ALTER TABLE hash_lists ADD COLUMN benign BOOLEAN NOT NULL DEFAULT FALSE;
-- The version in which a second person confirmed the list; 0 before.
ALTER TABLE hash_lists ADD COLUMN benign_confirmed BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE hash_lists DROP COLUMN benign_confirmed;
ALTER TABLE hash_lists DROP COLUMN benign;
