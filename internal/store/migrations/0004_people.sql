-- +goose Up
-- People, what they log in with, and the keys of machines. Secrets are stored
-- as digests, or sealed by the node's identity.
CREATE TABLE people (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    roles        TEXT NOT NULL,
    state        TEXT NOT NULL,
    handle       BLOB NOT NULL UNIQUE,
    passphrase   TEXT NOT NULL DEFAULT '',
    totp         BLOB,
    totp_step    BIGINT NOT NULL DEFAULT 0,
    failures     INTEGER NOT NULL DEFAULT 0,
    locked_until BIGINT,
    preferences  TEXT NOT NULL DEFAULT '{}',
    created_at   BIGINT NOT NULL
);
CREATE TABLE passkeys (
    id         TEXT PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES people (id),
    credential BLOB NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX passkeys_of ON passkeys (person);
CREATE TABLE login_links (
    digest     BLOB PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES people (id),
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE TABLE sessions (
    digest     BLOB PRIMARY KEY,
    data       BLOB NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE api_keys (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    digest     BLOB NOT NULL,
    scopes     TEXT NOT NULL,
    source     TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- +goose Down
DROP TABLE api_keys;
DROP TABLE sessions;
DROP TABLE login_links;
DROP TABLE passkeys;
DROP TABLE people;
