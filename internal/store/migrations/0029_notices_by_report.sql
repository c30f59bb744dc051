-- +goose Up
-- Whoever follows a report finds the cases of notices that followed from it.
CREATE INDEX notices_by_report ON notices (about);

-- +goose Down
DROP INDEX notices_by_report;
