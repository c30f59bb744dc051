-- +goose Up
-- Where reports stand on their way between organisations. `body` is a value of
-- domain/referral as JSON; the columns beside it are what is searched by.
CREATE TABLE matters (
    id         TEXT PRIMARY KEY REFERENCES received_reports (id),
    state      TEXT NOT NULL,
    urgent     BOOLEAN NOT NULL,
    until      BIGINT,
    body       BLOB NOT NULL,
    changed_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);
CREATE INDEX matters_queue ON matters (state, urgent DESC, until, id);
CREATE TABLE referrals (
    id          TEXT PRIMARY KEY,
    centre      TEXT NOT NULL,
    matter      TEXT NOT NULL,
    envelope    TEXT NOT NULL,
    standing    TEXT NOT NULL,
    urgent      BOOLEAN NOT NULL,
    until       BIGINT,
    body        BLOB NOT NULL,
    -- What came with the offer: the report as the Centre passes it on.
    offer       BLOB NOT NULL,
    received_at BIGINT NOT NULL,
    changed_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    UNIQUE (centre, matter)
);
CREATE INDEX referrals_queue ON referrals (standing, urgent DESC, until, id);
-- What a person has to look at, about a matter or a referral.
CREATE TABLE report_alarms (
    id      TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    reason  TEXT NOT NULL,
    at      BIGINT NOT NULL
);
CREATE INDEX report_alarms_of ON report_alarms (subject, at);

-- +goose Down
DROP TABLE report_alarms;
DROP TABLE referrals;
DROP TABLE matters;
