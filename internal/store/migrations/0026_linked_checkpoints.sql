-- +goose Up
-- When it was proven that a log which ends here continues what it ended with in
-- the checkpoint that was linked before; the first that came is linked as it is.
ALTER TABLE peer_checkpoints ADD COLUMN linked_at BIGINT;

-- +goose Down
ALTER TABLE peer_checkpoints DROP COLUMN linked_at;
