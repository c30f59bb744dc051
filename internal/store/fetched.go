package store

import "time"

// FetchedList says how far a list has come that is fetched from an exchange.
type FetchedList struct {
	ListID string
	// Checkpoint is the exchange's own.
	Checkpoint string
	// Generation counts how often all records were read anew.
	Generation int64
	// FetchedAt is the end of the last round, SucceededAt of the last good one.
	FetchedAt, SucceededAt time.Time
	// UpTo: everything is here that the exchange had then.
	UpTo time.Time
	// Failures counts the rounds that failed since a good one; Problem and Remedy are
	// of the last of them, in plain words.
	Failures        int
	Problem, Remedy string
	// Alarmed: people were told that no round succeeds.
	Alarmed bool
}

// FetchedList returns how far a list has come; the beginning when nothing was fetched.
func (tx *Tx) FetchedList(listID string) (FetchedList, error) {
	f := FetchedList{ListID: listID}
	err := tx.rows("reading how far a list was fetched", `SELECT checkpoint, generation, fetched_at, succeeded_at, up_to, failures, problem, remedy, alarmed FROM fetched_lists WHERE list_id = $1`,
		[]any{listID}, func(row scanner) error {
			return row.Scan(&f.Checkpoint, &f.Generation, moment{&f.FetchedAt}, moment{&f.SucceededAt}, moment{&f.UpTo}, &f.Failures, &f.Problem, &f.Remedy, &f.Alarmed)
		})
	return f, err
}

// MoveFetchedList moves a list from one checkpoint to the next; overtaken when it does
// not stand at the first.
func (tx *Tx) MoveFetchedList(from, to FetchedList, overtaken error) error {
	err := tx.exec("beginning to fetch a list", `INSERT INTO fetched_lists (list_id, checkpoint, generation, failures, problem, remedy, alarmed) VALUES ($1, '', 0, 0, '', '', $2) ON CONFLICT (list_id) DO NOTHING`,
		from.ListID, false)
	if err != nil {
		return err
	}
	return tx.change("moving a checkpoint", overtaken, `UPDATE fetched_lists SET checkpoint = $1, generation = $2, up_to = $3 WHERE list_id = $4 AND checkpoint = $5 AND generation = $6`,
		to.Checkpoint, to.Generation, micros(to.UpTo), from.ListID, from.Checkpoint, from.Generation)
}

// NoteFetch writes how the rounds of a list end; its checkpoint stays.
func (tx *Tx) NoteFetch(f FetchedList) error {
	return tx.exec("writing how a round ended",
		`INSERT INTO fetched_lists (list_id, checkpoint, generation, fetched_at, succeeded_at, failures, problem, remedy, alarmed) VALUES ($1, '', 0, $2, $3, $4, $5, $6, $7)
		 ON CONFLICT (list_id) DO UPDATE SET fetched_at = excluded.fetched_at, succeeded_at = excluded.succeeded_at, failures = excluded.failures,
		   problem = excluded.problem, remedy = excluded.remedy, alarmed = excluded.alarmed`,
		f.ListID, micros(f.FetchedAt), micros(f.SucceededAt), f.Failures, f.Problem, f.Remedy, f.Alarmed)
}

// FetchedRecord is one record of an exchange.
type FetchedRecord struct {
	ListID, Record string
	// EntryID is empty for a record that cannot be used.
	EntryID string
	// Content is a digest of what the record says.
	Content []byte
	// Generation is the one in which it was seen last.
	Generation int64
}

func (tx *Tx) fetchedRecords(query string, arguments ...any) ([]FetchedRecord, error) {
	var found []FetchedRecord
	err := tx.rows("reading records of an exchange", query, arguments, func(row scanner) error {
		var r FetchedRecord
		err := row.Scan(&r.ListID, &r.Record, &r.EntryID, &r.Content, &r.Generation)
		found = append(found, r)
		return err
	})
	return found, err
}

// FetchedRecord returns one record; found is false when the list has none of that name.
func (tx *Tx) FetchedRecord(listID, record string) (r FetchedRecord, found bool, err error) {
	all, err := tx.fetchedRecords(`SELECT list_id, record, entry_id, content, generation FROM fetched_records WHERE list_id = $1 AND record = $2`, listID, record)
	if err != nil || len(all) == 0 {
		return r, false, err
	}
	return all[0], true, nil
}

// PutFetchedRecord writes a record in place of the one of its name.
func (tx *Tx) PutFetchedRecord(r FetchedRecord) error {
	return tx.exec("writing a record of an exchange",
		`INSERT INTO fetched_records (list_id, record, entry_id, content, generation) VALUES ($1, $2, $3, $4, $5)
		 ON CONFLICT (list_id, record) DO UPDATE SET entry_id = excluded.entry_id, content = excluded.content, generation = excluded.generation`,
		r.ListID, r.Record, r.EntryID, r.Content, r.Generation)
}

// DeleteFetchedRecord forgets a record that the exchange holds no more.
func (tx *Tx) DeleteFetchedRecord(listID, record string) error {
	return tx.exec("forgetting a record of an exchange", `DELETE FROM fetched_records WHERE list_id = $1 AND record = $2`, listID, record)
}

// HasFetchedRecord says whether a record of the exchange still stands for an entry.
func (tx *Tx) HasFetchedRecord(listID, entryID string) (bool, error) {
	var count int64
	err := tx.one("looking for records of an entry", nil, `SELECT COUNT(*) FROM fetched_records WHERE list_id = $1 AND entry_id = $2`, []any{listID, entryID}, &count)
	return count > 0, err
}

// CountFetchedRecords counts all records of a list, and those of one generation.
func (tx *Tx) CountFetchedRecords(listID string, generation int64) (all, of int64, err error) {
	err = tx.one("counting records of an exchange", nil, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN generation = $1 THEN 1 ELSE 0 END), 0) FROM fetched_records WHERE list_id = $2`,
		[]any{generation, listID}, &all, &of)
	return all, of, err
}

// FetchedRecordsBefore returns up to limit records that were not seen since a
// generation began.
func (tx *Tx) FetchedRecordsBefore(listID string, generation int64, limit int) ([]FetchedRecord, error) {
	return tx.fetchedRecords(`SELECT list_id, record, entry_id, content, generation FROM fetched_records WHERE list_id = $1 AND generation < $2 ORDER BY generation, record LIMIT $3`, listID, generation, limit)
}
