package translog

import "fmt"

// FaultKind is what an audit can find wrong. The list is closed.
type FaultKind string

const (
	// RecordAltered: the bytes of record Index are not those logged.
	RecordAltered FaultKind = "record altered"
	// RecordMissing: record Index is not there although later things are.
	RecordMissing FaultKind = "record missing"
	// RecordOutOfOrder: record Index does not come in its place but later.
	RecordOutOfOrder FaultKind = "record out of order"
	// UnexpectedRecord: there is a record, Index, that does not belong to the
	// log: it comes twice, or no checkpoint covers it where one must.
	UnexpectedRecord FaultKind = "unexpected record"
	// Truncated: a checkpoint promises Size records, but they end before Index.
	Truncated FaultKind = "log truncated"
	// CheckpointInvalid: a checkpoint's signature is wrong, or it is not a
	// checkpoint of this log; the fault wraps the [*CheckpointError].
	CheckpointInvalid FaultKind = "checkpoint signature invalid"
	// CheckpointMismatch: the checkpoint at Size does not fit the records;
	// everything before Index does.
	CheckpointMismatch FaultKind = "checkpoint root does not match"
	// CheckpointsInconsistent: two checkpoints contradict each other: the log
	// has shown two histories (a fork), or went backwards.
	CheckpointsInconsistent FaultKind = "checkpoints inconsistent"
	// StoredHashAltered: the stored hash with the index Index is not the one
	// that the records give.
	StoredHashAltered FaultKind = "stored hash altered"
	// StoredHashMissing: the stored hash with the index Index is not there.
	StoredHashMissing FaultKind = "stored hash missing"
)

// Fault is the first thing that an audit found wrong.
type Fault struct {
	Kind FaultKind
	// Index is the record at fault, counted from 0. For [CheckpointMismatch] it
	// is the first record that no matching checkpoint covers, so the change lies
	// between records Index and Size-1. For [StoredHashAltered] and
	// [StoredHashMissing] it is the index of the stored hash, see [StoredHash].
	Index int64
	// Size is the size that the checkpoint concerned states; 0 when none is.
	Size int64
	// Detail says in plain words what was compared.
	Detail string
	cause  error
}

// Error returns the kind and the detail.
func (f *Fault) Error() string { return fmt.Sprintf("%s: %s", f.Kind, f.Detail) }

// Unwrap returns the underlying error, if there is one.
func (f *Fault) Unwrap() error { return f.cause }

func newFault(kind FaultKind, index, size int64, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Index: index, Size: size, Detail: fmt.Sprintf(format, args...)}
}
