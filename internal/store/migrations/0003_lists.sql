-- +goose Up
-- Hash lists, their entries and the history of their versions.
CREATE TABLE hash_lists (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    source       TEXT NOT NULL,
    scheme       TEXT NOT NULL,
    verification TEXT NOT NULL,
    legal_basis  TEXT NOT NULL,
    valid_from   BIGINT,
    valid_until  BIGINT,
    radius       INTEGER NOT NULL,
    version      BIGINT NOT NULL,
    state        TEXT NOT NULL,
    state_reason TEXT NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    created_by   TEXT NOT NULL
);

-- One row of a list may carry several digests of one file. `identity` is the
-- strongest of them and keeps the same row from entering twice.
CREATE TABLE list_entries (
    id              TEXT PRIMARY KEY,
    list_id         TEXT NOT NULL REFERENCES hash_lists (id),
    identity        TEXT NOT NULL,
    md5             BLOB,
    sha1            BLOB,
    sha256          BLOB,
    pdq             BLOB,
    category        TEXT NOT NULL,
    verification    TEXT NOT NULL,
    series          TEXT NOT NULL,
    source          TEXT NOT NULL,
    source_id       TEXT NOT NULL,
    note            TEXT NOT NULL,
    state           TEXT NOT NULL,
    state_reason    TEXT NOT NULL DEFAULT '',
    added_version   BIGINT NOT NULL,
    changed_version BIGINT NOT NULL,
    UNIQUE (list_id, identity)
);
CREATE INDEX list_entries_by_version ON list_entries (list_id, changed_version, id);

-- Provenance: who brought which change, from which file.
CREATE TABLE list_versions (
    list_id   TEXT NOT NULL REFERENCES hash_lists (id),
    version   BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    by_actor  TEXT NOT NULL,
    reason    TEXT NOT NULL,
    file_name TEXT NOT NULL,
    file_sha256 TEXT NOT NULL,
    format    TEXT NOT NULL,
    added     BIGINT NOT NULL,
    changed   BIGINT NOT NULL,
    refused   BIGINT NOT NULL,
    PRIMARY KEY (list_id, version)
);

-- +goose Down
DROP TABLE list_versions;
DROP TABLE list_entries;
DROP TABLE hash_lists;
