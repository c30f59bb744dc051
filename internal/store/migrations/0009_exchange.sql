-- +goose Up
-- What the exchange between nodes needs beside the envelopes themselves: whom
-- the registry names, which numbers are missing, how far the other side has
-- come, what refers to what, and what a person has to look at.
ALTER TABLE peers ADD COLUMN origin TEXT NOT NULL DEFAULT 'operator';
ALTER TABLE peers ADD COLUMN mandates TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN valid_from BIGINT;
ALTER TABLE peers ADD COLUMN valid_until BIGINT;
ALTER TABLE peers ADD COLUMN revoked_at BIGINT;
ALTER TABLE peers ADD COLUMN revoked_because TEXT NOT NULL DEFAULT '';
ALTER TABLE peers ADD COLUMN announced TEXT NOT NULL DEFAULT '';

ALTER TABLE envelopes_out ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE envelopes_out ADD COLUMN status_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE envelopes_out ADD COLUMN status_at BIGINT;
ALTER TABLE envelopes_out ADD COLUMN status_sequence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE envelopes_out ADD COLUMN downstream TEXT NOT NULL DEFAULT '';
ALTER TABLE envelopes_out ADD COLUMN refers TEXT NOT NULL DEFAULT '';
ALTER TABLE envelopes_out ADD COLUMN cause_source TEXT NOT NULL DEFAULT '';
ALTER TABLE envelopes_out ADD COLUMN cause_id TEXT NOT NULL DEFAULT '';
CREATE INDEX envelopes_out_refers ON envelopes_out (refers) WHERE refers <> '';
CREATE INDEX envelopes_out_cause ON envelopes_out (cause_source, cause_id) WHERE cause_id <> '';

ALTER TABLE envelopes_in ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE envelopes_in ADD COLUMN status_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE envelopes_in ADD COLUMN status_at BIGINT;
ALTER TABLE envelopes_in ADD COLUMN refers TEXT NOT NULL DEFAULT '';
CREATE INDEX envelopes_in_refers ON envelopes_in (source, refers) WHERE refers <> '';

-- Numbers that a peer used and that have not arrived, as ranges.
CREATE TABLE envelope_gaps (
    peer   TEXT NOT NULL,
    first  BIGINT NOT NULL,
    last   BIGINT NOT NULL,
    since  BIGINT NOT NULL,
    asked  BIGINT,
    PRIMARY KEY (peer, first)
);
-- The items whose media the recipient of an envelope may fetch.
CREATE TABLE envelope_items (
    envelope TEXT NOT NULL REFERENCES envelopes_out (id),
    item     TEXT NOT NULL,
    PRIMARY KEY (envelope, item)
);
-- What is wrong between this node and a peer, from when it was seen to when it was over.
CREATE TABLE exchange_alarms (
    id         TEXT PRIMARY KEY,
    peer       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    since      BIGINT NOT NULL,
    raised_at  BIGINT NOT NULL,
    cleared_at BIGINT
);
CREATE UNIQUE INDEX exchange_alarms_open ON exchange_alarms (peer, kind) WHERE cleared_at IS NULL;
-- Every version of the registry of nodes that this node published or followed.
CREATE TABLE registry_versions (
    number     BIGINT PRIMARY KEY,
    signer     TEXT NOT NULL,
    text       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    event      TEXT NOT NULL,
    at         BIGINT NOT NULL
);

-- +goose Down
DROP TABLE registry_versions;
DROP TABLE exchange_alarms;
DROP TABLE envelope_items;
DROP TABLE envelope_gaps;
DROP INDEX envelopes_out_refers;
DROP INDEX envelopes_out_cause;
DROP INDEX envelopes_in_refers;
ALTER TABLE envelopes_in DROP COLUMN refers;
ALTER TABLE envelopes_in DROP COLUMN status_at;
ALTER TABLE envelopes_in DROP COLUMN status_reason;
ALTER TABLE envelopes_in DROP COLUMN status;
ALTER TABLE envelopes_out DROP COLUMN cause_id;
ALTER TABLE envelopes_out DROP COLUMN cause_source;
ALTER TABLE envelopes_out DROP COLUMN refers;
ALTER TABLE envelopes_out DROP COLUMN downstream;
ALTER TABLE envelopes_out DROP COLUMN status_sequence;
ALTER TABLE envelopes_out DROP COLUMN status_at;
ALTER TABLE envelopes_out DROP COLUMN status_reason;
ALTER TABLE envelopes_out DROP COLUMN status;
ALTER TABLE peers DROP COLUMN announced;
ALTER TABLE peers DROP COLUMN revoked_because;
ALTER TABLE peers DROP COLUMN revoked_at;
ALTER TABLE peers DROP COLUMN valid_until;
ALTER TABLE peers DROP COLUMN valid_from;
ALTER TABLE peers DROP COLUMN mandates;
ALTER TABLE peers DROP COLUMN origin;
