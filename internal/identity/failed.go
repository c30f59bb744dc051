package identity

import (
	"context"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
)

// strangerPeriod is how often attempts that concern no account, or one that
// waits, are written into the log: with their number, so that a stranger cannot
// fill the log, which is never erased.
const strangerPeriod = time.Minute

// strangers counts failed logins between two events of the log. What was
// counted and not written yet is lost when the node ends.
type strangers struct {
	mu      sync.Mutex
	count   int
	written time.Time
}

// due adds an attempt and returns how many are to be written now; 0 for none.
func (s *strangers) due(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if now.Sub(s.written) < strangerPeriod {
		return 0
	}
	count := s.count
	s.count, s.written = 0, now
	return count
}

// failedLogin records that somebody could not log in, and returns the cause.
// The account is named where one is concerned; what was typed never is. For
// strangers one event stands for all attempts of a minute.
func (s *Service) failedLogin(ctx context.Context, person, by string, cause error) error {
	attempts := 1
	if person == "" {
		if attempts = s.strangers.due(s.options.Ledger.Now()); attempts == 0 {
			return cause
		}
	}
	act := ledger.Act{Actor: s.NodeActor(), Action: mandate.AccountLogin, Purpose: mandate.PurposeAdministration, Resource: access.Resource{ID: person}}
	err := s.options.Ledger.Do(context.WithoutCancel(ctx), act, func(tx *ledger.Tx) error {
		tx.Note("refused", by)
		tx.Note("attempts", attempts)
		return nil
	})
	if err != nil {
		return err
	}
	return cause
}
