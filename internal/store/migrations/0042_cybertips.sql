-- +goose Up
-- Approved reports on their way to NCMEC's CyberTipline. A report that was refused and
-- mended has one for each approved text.
CREATE TABLE cybertips (
    id         TEXT PRIMARY KEY,
    report_id  TEXT NOT NULL REFERENCES reports (id),
    -- The documents letter by letter, as they were approved (domain/cybertip.Tip as JSON).
    tip        BLOB NOT NULL,
    state      TEXT NOT NULL,
    attempts   BIGINT NOT NULL,
    -- The rest of domain/cybertip.Delivery, as JSON.
    delivery   BLOB NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX cybertips_of_report ON cybertips (report_id, created_at);

-- +goose Down
DROP TABLE cybertips;
