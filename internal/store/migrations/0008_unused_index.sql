-- +goose Up
-- Nothing looks notices up by their date: each time to strike is a job.
DROP INDEX reports_notice;

-- +goose Down
CREATE INDEX reports_notice ON reports (notice_due);
