-- +goose Up
-- Voluntary notices: cases where they are sent, and each notice where one is
-- received. `body` is a value of domain/order as JSON; the columns beside it are
-- what is searched by.
CREATE TABLE notices (
    id         TEXT PRIMARY KEY,
    side       TEXT NOT NULL,
    -- The sender's node, and its name of the case or of the notice.
    source     TEXT NOT NULL,
    name       TEXT NOT NULL,
    reference  TEXT NOT NULL,
    -- The report that it follows from, if it does.
    about      TEXT NOT NULL,
    author     TEXT NOT NULL,
    state      TEXT NOT NULL,
    rung       TEXT NOT NULL,
    until      BIGINT,
    body       BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    UNIQUE (source, name)
);
CREATE INDEX notices_queue ON notices (until, id);
-- What a notice names, for bars and for checks whether it is gone.
CREATE TABLE notice_items (
    notice_id      TEXT NOT NULL REFERENCES notices (id),
    position       INTEGER NOT NULL,
    url            TEXT NOT NULL,
    sha256         TEXT NOT NULL,
    identification TEXT NOT NULL,
    -- Perceptual digest in hex, where it is known.
    pdq            TEXT NOT NULL,
    PRIMARY KEY (notice_id, position)
);
CREATE INDEX notice_items_at ON notice_items (url);
CREATE INDEX notice_items_of ON notice_items (sha256);
CREATE INDEX order_items_at ON order_items (url);
-- The exact bytes of each notice that was sent or received.
CREATE TABLE notice_documents (
    id        TEXT PRIMARY KEY,
    notice_id TEXT NOT NULL REFERENCES notices (id),
    -- The sender's name of the notice.
    name      TEXT NOT NULL,
    -- The node of the addressee; empty when a person sends the notice.
    node      TEXT NOT NULL,
    digest    TEXT NOT NULL,
    text      BLOB NOT NULL,
    -- The same with the signature of the sender's node (JWS).
    signed    TEXT NOT NULL,
    envelope  TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX notice_documents_of ON notice_documents (notice_id, at, id);
CREATE INDEX notice_documents_named ON notice_documents (name);
CREATE INDEX notice_documents_in ON notice_documents (envelope);
-- What was found, each time, at each address.
CREATE TABLE notice_looks (
    id        TEXT PRIMARY KEY,
    notice_id TEXT NOT NULL REFERENCES notices (id),
    place     TEXT NOT NULL,
    -- What it means (gone, present, unknown), and what a machine saw; empty when a
    -- person looked.
    finding   TEXT NOT NULL,
    outcome   TEXT NOT NULL,
    reason    TEXT NOT NULL,
    looked_by TEXT NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX notice_looks_of ON notice_looks (notice_id, at, id);

-- +goose Down
DROP TABLE notice_looks;
DROP TABLE notice_documents;
DROP INDEX order_items_at;
DROP TABLE notice_items;
DROP TABLE notices;
