package node

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/brdoproject/brdo/internal/match"
)

const (
	indexFolder = "index"
	indexLock   = "index.lock"
	// unsavedLimit is how many changes of entries may be read again from the rows at
	// the next start, or the 64th part of all entries, where that is more.
	unsavedLimit = 1000
)

// openIndex takes up the index as it was saved. Where that cannot be, the operator is
// told, and the lists are read from the rows.
func (n *Node) openIndex() *match.Index {
	index, err := match.Open(filepath.Join(n.Config.Data, indexFolder))
	if err == nil {
		return index
	}
	if !errors.Is(err, fs.ErrNotExist) {
		n.log.Warn("the saved match index cannot be used; all lists are read from the database instead", "error", err)
	}
	return match.New()
}

// loadLists brings the index to the rows, and says which lists it had from another
// history of them.
func (n *Node) loadLists(ctx context.Context) error {
	err := n.Lists.Load(ctx)
	if foreign := n.Lists.Foreign(); len(foreign) > 0 {
		n.log.WarnContext(ctx, "the saved match index has another history of some lists than the database; they are read from the database instead", "lists", foreign)
	}
	return err
}

// SaveIndex saves the index when the files lack enough of it, unless another process
// with this data folder is about it.
func (n *Node) SaveIndex() error {
	if !n.muchUnsaved() {
		return nil
	}
	lock, alone, err := lockAlone(filepath.Join(n.Config.Data, indexLock))
	if err != nil || !alone {
		return err
	}
	return errors.Join(n.Index.Save(filepath.Join(n.Config.Data, indexFolder)), lock.Close())
}

// muchUnsaved tells whether the files lack so much that they are to be written again.
func (n *Node) muchUnsaved() bool { return n.Index.Unsaved() >= max(unsavedLimit, n.Index.Len()/64) }

// keepIndex puts the index in order and saves it from time to time: at most a twentieth of the time goes
// into it.
func (n *Node) keepIndex(ctx context.Context) error {
	for pause := time.Second; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		begun := time.Now()
		if n.muchUnsaved() {
			n.Index.Gather()
		}
		err := n.SaveIndex()
		pause = max(time.Second, 20*time.Since(begun))
		if err != nil {
			n.log.ErrorContext(ctx, "the match index could not be saved; the next start takes longer", "error", err)
			pause = max(pause, time.Minute)
		}
	}
}

// index looks at the saved index.
func (e *examination) index() {
	index, err := match.Open(filepath.Join(e.config.Data, indexFolder))
	switch {
	case err == nil:
		e.add(Well, "match index", "", "%d entries are saved for the next start", index.Len())
	case !errors.Is(err, fs.ErrNotExist):
		e.add(Warning, "match index", "nothing: the next start reads all lists from the database, and saves it again", "what was saved cannot be used: %v", err)
	}
}
