-- +goose Up
-- Which items a report tells of is asked whenever somebody reads the report.
CREATE INDEX sightings_reported ON sightings (reported_in);

-- +goose Down
DROP INDEX sightings_reported;
