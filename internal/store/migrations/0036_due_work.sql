-- +goose Up
-- What is looked for with every receipt and at every turn of a worker, so that a
-- backlog does not make each of its envelopes dearer.
CREATE INDEX jobs_later ON jobs (kind, run_at) WHERE state = 'waiting';
CREATE INDEX jobs_dead ON jobs (kind, unique_key) WHERE state = 'dead';
CREATE INDEX envelopes_out_waiting ON envelopes_out (recipient, created_at) WHERE state = 'waiting';
CREATE INDEX envelopes_out_answered ON envelopes_out (recipient, sequence) WHERE state = 'answered';

-- +goose Down
DROP INDEX jobs_later;
DROP INDEX jobs_dead;
DROP INDEX envelopes_out_waiting;
DROP INDEX envelopes_out_answered;
