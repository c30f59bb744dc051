package store

import (
	"fmt"
	"strings"
	"time"
)

// Queries of the queue, for the tests of their plans.
const (
	QueueQuery        = queueQuery
	QueueFiguresQuery = queueFiguresQuery
)

// Queries of jobs, for the tests of their plans, by the index that each reads.
var JobQueries = map[string]string{
	"jobs_leases":            abandonedJobs,
	"jobs_due (priority=":    dueJobs,
	"jobs_due (priority>":    nextPriority,
	"jobs_unique":            cancelJobs,
	"jobs_unique (kind":      hastenJob,
	"jobs_later":             hastenDeliveries,
	"jobs_dead":              envelopesGivenUp,
	"jobs_waits":             releaseJobs,
	"envelopes_out_answered": receiptsInRange,
}

// Multiply copies an item many times, as other items of lower tiers.
func (tx *Tx) Multiply(id string, times int) error {
	numbers, name := "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $2)", "printf('%064x', n)"
	if tx.dialect == PostgreSQL {
		numbers, name = "WITH numbers AS (SELECT n FROM generate_series(1, $2) AS n)", "lpad(to_hex(n), 64, '0')"
	}
	columns := strings.Replace(strings.Replace(itemColumns, "id,", name+",", 1), "tier, score,", "'P' || (1 + n % 4), n * 1.0 / $2,", 1)
	return tx.exec("copying an item", fmt.Sprintf(`%s INSERT INTO items (%s) SELECT %s FROM items, numbers WHERE id = $1`, numbers, itemColumns, columns), id, times)
}

// Plan is how the database means to answer a query.
func (tx *Tx) Plan(query string, arguments ...any) (string, error) {
	var lines []string
	if tx.dialect == PostgreSQL {
		err := tx.rows("explaining", "EXPLAIN "+query, arguments, func(row scanner) error {
			var line string
			err := row.Scan(&line)
			lines = append(lines, line)
			return err
		})
		return strings.Join(lines, "\n"), err
	}
	err := tx.rows("explaining", "EXPLAIN QUERY PLAN "+query, arguments, func(row scanner) error {
		var id, parent, unused int
		var line string
		err := row.Scan(&id, &parent, &unused, &line)
		lines = append(lines, line)
		return err
	})
	return strings.Join(lines, "\n"), err
}

// Analyze lets the database count its rows, as it does by itself in time.
func (tx *Tx) Analyze() error { return tx.exec("analyzing", "ANALYZE") }

// Micros is how a time is stored.
func Micros(at time.Time) any { return micros(at) }
