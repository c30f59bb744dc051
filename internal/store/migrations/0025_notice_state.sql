-- +goose Up
-- Where informing the user stands, so that those who are to be informed now are
-- found among all.
ALTER TABLE reports ADD COLUMN notice_state TEXT NOT NULL DEFAULT '';
CREATE INDEX reports_to_inform ON reports (created_at, id) WHERE notice_state = 'due';

-- +goose Down
DROP INDEX reports_to_inform;
ALTER TABLE reports DROP COLUMN notice_state;
