//go:build linux || darwin || freebsd || netbsd || openbsd

package node

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockAlone takes the lock of the one process that works off the jobs of an
// embedded database. Whoever has it knows that every other worker is dead: the
// system gives the lock back when a process ends, however it ends.
func lockAlone(path string) (lock *os.File, alone bool, err error) {
	lock, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("opening the workers' lock: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return lock, true, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, false, lock.Close()
	}
	return nil, false, errors.Join(fmt.Errorf("taking the workers' lock: %w", err), lock.Close())
}
