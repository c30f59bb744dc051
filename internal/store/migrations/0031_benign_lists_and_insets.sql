-- +goose Up
-- Lists of known benign look-alikes: what is near to one of them is not brought
-- to people for being near to an entry of another list.
ALTER TABLE hash_lists ADD COLUMN benign BOOLEAN NOT NULL DEFAULT FALSE;
-- The version in which a second person confirmed the list; 0 before.
ALTER TABLE hash_lists ADD COLUMN benign_confirmed BIGINT NOT NULL DEFAULT 0;
-- Lists whose entries have further hashes, of the middle of their pictures.
ALTER TABLE hash_lists ADD COLUMN insets BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE list_entries ADD COLUMN insets BLOB;
-- Those hashes of items that were handed in while such a list was there.
CREATE TABLE item_insets (
    item   TEXT PRIMARY KEY,
    hashes BLOB NOT NULL
);

-- +goose Down
DROP TABLE item_insets;
ALTER TABLE list_entries DROP COLUMN insets;
ALTER TABLE hash_lists DROP COLUMN insets;
ALTER TABLE hash_lists DROP COLUMN benign_confirmed;
ALTER TABLE hash_lists DROP COLUMN benign;
