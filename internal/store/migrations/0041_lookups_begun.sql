-- +goose Up
-- A look-up has a row only once its upload is written. What a process sealed that died before is
-- found by its key, which is unsettled, as every other content is.
DELETE FROM lookups WHERE state = 'begun';

-- +goose Down
SELECT 1;
