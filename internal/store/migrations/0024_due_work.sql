-- +goose Up
-- What is looked for with every receipt and at every turn of a worker, so that a
-- backlog does not make each of its envelopes dearer.
CREATE INDEX jobs_later ON jobs (kind, run_at) WHERE state = 'waiting';
CREATE INDEX jobs_dead ON jobs (kind, unique_key) WHERE state = 'dead';
CREATE INDEX envelopes_out_waiting ON envelopes_out (recipient, created_at) WHERE state = 'waiting';
CREATE INDEX envelopes_out_answered ON envelopes_out (recipient, sequence) WHERE state = 'answered';
-- A peer that does not answer at all is asked for by itself, and what is addressed
-- to it waits until it answers.
ALTER TABLE peers ADD COLUMN unreached_since BIGINT;
ALTER TABLE jobs ADD COLUMN waits_for TEXT;
ALTER TABLE jobs ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_waits ON jobs (waits_for) WHERE state = 'waiting' AND waits_for IS NOT NULL;

-- +goose Down
DROP INDEX jobs_waits;
ALTER TABLE jobs DROP COLUMN failures;
ALTER TABLE jobs DROP COLUMN waits_for;
ALTER TABLE peers DROP COLUMN unreached_since;
DROP INDEX jobs_later;
DROP INDEX jobs_dead;
DROP INDEX envelopes_out_waiting;
DROP INDEX envelopes_out_answered;
