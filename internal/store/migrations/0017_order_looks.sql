-- +goose Up
-- What was found, each time, at each address of an executed order.
CREATE TABLE order_looks (
    id        TEXT PRIMARY KEY,
    order_id  TEXT NOT NULL REFERENCES orders (id),
    place     TEXT NOT NULL,
    -- What it means (gone, present, unknown), and what a machine saw; empty when a
    -- person looked.
    finding   TEXT NOT NULL,
    outcome   TEXT NOT NULL,
    reason    TEXT NOT NULL,
    looked_by TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX order_looks_of ON order_looks (order_id, at, id);

-- +goose Down
DROP TABLE order_looks;
