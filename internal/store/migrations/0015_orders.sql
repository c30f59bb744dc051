-- +goose Up
-- Orders that make material inaccessible, at whichever side: where one is
-- issued, where it is executed, and where a copy is kept. `body` is a value of
-- domain/order as JSON; the columns beside it are what is searched by.
CREATE TABLE orders (
    id         TEXT PRIMARY KEY,
    side       TEXT NOT NULL,
    -- What it orders: removal, delisting or blocking.
    kind       TEXT NOT NULL,
    -- The authority's node and its name of the order.
    source     TEXT NOT NULL,
    name       TEXT NOT NULL,
    provider   TEXT NOT NULL,
    reference  TEXT NOT NULL,
    -- The referral that it was drafted from, if it was.
    about      TEXT NOT NULL,
    author     TEXT NOT NULL,
    state      TEXT NOT NULL,
    standing   TEXT NOT NULL,
    until      BIGINT,
    body       BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    UNIQUE (source, name)
);
CREATE INDEX orders_queue ON orders (until, id);
CREATE INDEX orders_named ON orders (name);
-- What an order names, for checks whether it is gone.
CREATE TABLE order_items (
    order_id TEXT NOT NULL REFERENCES orders (id),
    position INTEGER NOT NULL,
    url      TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    -- Perceptual digest in hex, where it is known.
    pdq      TEXT NOT NULL,
    PRIMARY KEY (order_id, position)
);
CREATE INDEX order_items_of ON order_items (sha256);
-- The exact bytes of everything that was said about an order, in its order.
CREATE TABLE order_documents (
    id       TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    kind     TEXT NOT NULL,
    text     BLOB NOT NULL,
    -- The same with the signature of the node that said it (JWS); empty while it
    -- is not signed.
    signed   TEXT NOT NULL,
    envelope TEXT NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX order_documents_of ON order_documents (order_id, at, id);
-- What was counted, and taken back with a negative number.
CREATE TABLE order_figures (
    id       TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES orders (id),
    figure   TEXT NOT NULL,
    change   BIGINT NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX order_figures_of ON order_figures (figure);
CREATE INDEX list_entries_by_sha256 ON list_entries (sha256);

-- +goose Down
DROP INDEX list_entries_by_sha256;
DROP TABLE order_figures;
DROP TABLE order_documents;
DROP TABLE order_items;
DROP TABLE orders;
