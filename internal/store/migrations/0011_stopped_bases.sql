-- +goose Up
-- Where detection stopped because its legal basis had ended. It stays stopped
-- also when the clock is set back.
CREATE TABLE stopped_bases (
    source     TEXT NOT NULL,
    basis      TEXT NOT NULL,
    stopped_at BIGINT NOT NULL,
    PRIMARY KEY (source, basis)
);

-- +goose Down
DROP TABLE stopped_bases;
