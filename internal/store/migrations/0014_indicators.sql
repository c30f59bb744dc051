-- +goose Up
-- What an authority's person found about an item of a report: kept where it was
-- found, and at the Centre, where it is the only ground of an indicator.
CREATE TABLE item_findings (
    id             TEXT PRIMARY KEY,
    item_id        TEXT NOT NULL,
    authority      TEXT NOT NULL,
    authority_name TEXT NOT NULL,
    referral       TEXT NOT NULL,
    confirmed      BOOLEAN NOT NULL,
    mapping        TEXT NOT NULL,
    class          TEXT NOT NULL,
    reason         TEXT NOT NULL,
    decision       TEXT NOT NULL,
    at             BIGINT NOT NULL,
    turn           BIGINT NOT NULL,
    UNIQUE (authority, item_id, turn)
);
CREATE INDEX item_findings_of ON item_findings (item_id, authority, turn);

-- To whom a list is delivered, on what ground and until when; who asked for it
-- and who released it.
CREATE TABLE list_subscriptions (
    id           TEXT PRIMARY KEY,
    list_id      TEXT NOT NULL REFERENCES hash_lists (id),
    subscriber   TEXT NOT NULL,
    basis        TEXT NOT NULL,
    until        BIGINT NOT NULL,
    asked_by     TEXT NOT NULL,
    asked_at     BIGINT NOT NULL,
    released_by  TEXT NOT NULL DEFAULT '',
    released_at  BIGINT,
    ended_by     TEXT NOT NULL DEFAULT '',
    ended_at     BIGINT,
    end_reason   TEXT NOT NULL DEFAULT '',
    sent_version BIGINT NOT NULL DEFAULT 0,
    told_until   BIGINT,
    refused      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX list_subscriptions_of ON list_subscriptions (list_id, subscriber);

-- What was delivered under a subscription, and when its receipt came.
CREATE TABLE list_deliveries (
    envelope     TEXT PRIMARY KEY,
    subscription TEXT NOT NULL REFERENCES list_subscriptions (id),
    from_version BIGINT NOT NULL,
    to_version   BIGINT NOT NULL,
    entries      BIGINT NOT NULL,
    stopped      BIGINT NOT NULL,
    sent_at      BIGINT NOT NULL,
    receipted_at BIGINT,
    refused      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX list_deliveries_of ON list_deliveries (subscription, to_version);

-- A list that follows one of another organisation.
ALTER TABLE hash_lists ADD COLUMN source_node TEXT NOT NULL DEFAULT '';
ALTER TABLE hash_lists ADD COLUMN source_list TEXT NOT NULL DEFAULT '';
ALTER TABLE hash_lists ADD COLUMN source_subscription TEXT NOT NULL DEFAULT '';
ALTER TABLE hash_lists ADD COLUMN source_version BIGINT NOT NULL DEFAULT 0;

-- That a subscriber's person disagrees with an entry, kept at both ends, and
-- what a person of the list's keeper decided.
CREATE TABLE list_objections (
    id            TEXT PRIMARY KEY,
    list_id       TEXT NOT NULL REFERENCES hash_lists (id),
    entry_id      TEXT NOT NULL,
    peer          TEXT NOT NULL,
    made_here     BOOLEAN NOT NULL,
    made_by       TEXT NOT NULL,
    made_at       BIGINT NOT NULL,
    reason        TEXT NOT NULL,
    envelope      TEXT NOT NULL,
    answer        TEXT NOT NULL DEFAULT '',
    answer_reason TEXT NOT NULL DEFAULT '',
    answered_by   TEXT NOT NULL DEFAULT '',
    answered_at   BIGINT
);
CREATE INDEX list_objections_of ON list_objections (list_id, entry_id);

-- +goose Down
DROP TABLE list_objections;
ALTER TABLE hash_lists DROP COLUMN source_version;
ALTER TABLE hash_lists DROP COLUMN source_subscription;
ALTER TABLE hash_lists DROP COLUMN source_list;
ALTER TABLE hash_lists DROP COLUMN source_node;
DROP TABLE list_deliveries;
DROP TABLE list_subscriptions;
DROP TABLE item_findings;
