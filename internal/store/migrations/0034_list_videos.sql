-- +goose Up
-- Videos that lists know by the hashes of their frames. `frames` of an entry is how
-- many there are, `frames_digest` the SHA-256 of what list_frames holds.
ALTER TABLE list_entries ADD COLUMN frames INTEGER NOT NULL DEFAULT 0;
ALTER TABLE list_entries ADD COLUMN frames_digest BLOB;
CREATE TABLE list_frames (
    entry_id TEXT PRIMARY KEY REFERENCES list_entries (id),
    frames   BLOB NOT NULL
);
-- How many per cent of the frames of an upload, or of an entry, are a match; 0: that
-- share is not looked at.
ALTER TABLE hash_lists ADD COLUMN video_upload INTEGER NOT NULL DEFAULT 50;
ALTER TABLE hash_lists ADD COLUMN video_entry INTEGER NOT NULL DEFAULT 50;

-- +goose Down
ALTER TABLE hash_lists DROP COLUMN video_entry;
ALTER TABLE hash_lists DROP COLUMN video_upload;
DROP TABLE list_frames;
ALTER TABLE list_entries DROP COLUMN frames_digest;
ALTER TABLE list_entries DROP COLUMN frames;
