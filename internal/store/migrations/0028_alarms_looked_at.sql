-- +goose Up
-- Who looked at what needed a look, and why that was enough.
ALTER TABLE report_alarms ADD COLUMN looked_at BIGINT;
ALTER TABLE report_alarms ADD COLUMN looked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE report_alarms ADD COLUMN looked_because TEXT NOT NULL DEFAULT '';
CREATE INDEX report_alarms_open ON report_alarms (subject, reason) WHERE looked_at IS NULL;
ALTER TABLE exchange_alarms ADD COLUMN looked_at BIGINT;
ALTER TABLE exchange_alarms ADD COLUMN looked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE exchange_alarms ADD COLUMN looked_because TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE exchange_alarms DROP COLUMN looked_because;
ALTER TABLE exchange_alarms DROP COLUMN looked_by;
ALTER TABLE exchange_alarms DROP COLUMN looked_at;
DROP INDEX report_alarms_open;
ALTER TABLE report_alarms DROP COLUMN looked_because;
ALTER TABLE report_alarms DROP COLUMN looked_by;
ALTER TABLE report_alarms DROP COLUMN looked_at;
