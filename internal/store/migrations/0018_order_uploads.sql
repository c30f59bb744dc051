-- +goose Up
-- Uploads of items that were removed by an order, which a person answers: the
-- authority is told, or it is left with a reason.
CREATE TABLE order_uploads (
    id          TEXT PRIMARY KEY,
    order_id    TEXT NOT NULL REFERENCES orders (id),
    sighting_id TEXT NOT NULL REFERENCES sightings (id),
    url         TEXT NOT NULL,
    -- open, told or left.
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    decided_by  TEXT NOT NULL,
    decided_at  BIGINT,
    at          BIGINT NOT NULL
);
CREATE INDEX order_uploads_of ON order_uploads (order_id, at, id);

-- +goose Down
DROP TABLE order_uploads;
