-- +goose Up
-- Whoever follows a report asks for every record of the log that names it, an
-- envelope or an order about it, not only those whose resource it is.
CREATE TABLE log_mentions (
    -- The thing that a record names in its details.
    resource TEXT NOT NULL,
    event    TEXT NOT NULL REFERENCES log_events (id),
    PRIMARY KEY (resource, event)
);

-- The event in whose transaction an envelope was written.
ALTER TABLE envelopes_out ADD COLUMN event TEXT NOT NULL DEFAULT '';

-- The name that whoever made a report gave to it.
ALTER TABLE referrals ADD COLUMN reference TEXT NOT NULL DEFAULT '';
CREATE INDEX referrals_by_reference ON referrals (reference);
CREATE INDEX received_by_reference ON received_reports (reference);
CREATE INDEX orders_by_report ON orders (about);

-- +goose Down
DROP INDEX orders_by_report;
DROP INDEX received_by_reference;
DROP INDEX referrals_by_reference;
ALTER TABLE referrals DROP COLUMN reference;
ALTER TABLE envelopes_out DROP COLUMN event;
DROP TABLE log_mentions;
