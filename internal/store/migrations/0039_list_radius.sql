-- +goose Up
-- The radius of a list that a version set, or asked for; what it is says the format.
ALTER TABLE list_versions ADD COLUMN radius INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE list_versions DROP COLUMN radius;
