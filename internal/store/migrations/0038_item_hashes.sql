-- +goose Up
-- What else an upload was compared by than the hashes in its item: the picture without
-- its borders, and the frames of a video as engine/video packs them, as they are and
-- turned. An item without a row is from before these were kept, or a video that nobody
-- had the time to decode.
CREATE TABLE item_hashes (
    item    TEXT PRIMARY KEY,
    -- NULL where the picture has no borders.
    trimmed BLOB,
    frames  BLOB,
    turned  BLOB,
    -- The time between two frames that were hashed, in microseconds.
    every   BIGINT NOT NULL
);
-- How many items were compared by less than an upload is.
ALTER TABLE list_comparisons ADD COLUMN lacking BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE list_comparisons DROP COLUMN lacking;
DROP TABLE item_hashes;
