-- +goose Up
-- How far a list has come that is fetched from an exchange. Checkpoint is the
-- exchange's own; generation counts how often all records were read anew.
CREATE TABLE fetched_lists (
    list_id      TEXT PRIMARY KEY REFERENCES hash_lists (id),
    checkpoint   TEXT NOT NULL,
    generation   BIGINT NOT NULL,
    fetched_at   BIGINT,
    succeeded_at BIGINT,
    -- Everything is here that the exchange had at that time.
    up_to        BIGINT,
    failures     BIGINT NOT NULL,
    problem      TEXT NOT NULL,
    remedy       TEXT NOT NULL,
    alarmed      BOOLEAN NOT NULL
);

-- Which record of the exchange an entry comes from: the exchange names a record when
-- it is gone, and several records may be of one file. Content is a digest, so that an
-- unchanged record changes nothing.
CREATE TABLE fetched_records (
    list_id    TEXT NOT NULL REFERENCES hash_lists (id),
    record     TEXT NOT NULL,
    -- Empty for a record that cannot be used.
    entry_id   TEXT NOT NULL,
    content    BLOB NOT NULL,
    generation BIGINT NOT NULL,
    PRIMARY KEY (list_id, record)
);
CREATE INDEX fetched_records_by_entry ON fetched_records (list_id, entry_id);
CREATE INDEX fetched_records_by_generation ON fetched_records (list_id, generation, record);

-- +goose Down
DROP TABLE fetched_records;
DROP TABLE fetched_lists;
