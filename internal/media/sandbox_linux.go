package media

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// executable is the running binary itself, also after an upgrade has replaced
// or removed the file that it was started from.
func executable() (string, error) { return "/proc/self/exe", nil }

// tieToParent makes the kernel end the child when its parent is gone, however
// it went.
func tieToParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// widen lets more of a file wait in a pipe than the 64 KiB that are usual, so that the two ends take fewer turns. Where
// that is refused, because of what pipes of this user hold already, the pipe stays as it was.
func widen(pipe *os.File) {
	if raw, err := pipe.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
}

// pipeSize is the largest that an ordinary user may ask for (fs.pipe-max-size), in bytes.
const pipeSize = 1 << 20

// enclose shuts the process in for good. It goes on after a failure, so that
// as much as possible is enforced and everything missing is named.
//
// Landlock and seccomp overlap on purpose. Landlock (Linux 5.13) speaks of
// files and, from its fourth version, of TCP; the seccomp allowlist refuses
// the system calls by which either could be reached, and everything else a
// decoder has no need of. Both are applied to all threads.
//
// RLIMIT_DATA takes the place of RLIMIT_AS: the Go runtime reserves more than
// 1 GiB of address space that it never touches, and RLIMIT_DATA (Linux 4.7)
// counts the writable private mappings, which is what a bomb fills. There is
// no RLIMIT_NPROC: it counts the threads of every process of the same user,
// so that any useful value would fail at random; the filter refuses to make a
// process while letting the runtime make threads.
func enclose(config childConfig) enclosure {
	return wall{limits: decoderLimits(config), without: config.without, filter: filterProgram}.raise()
}

// wall is an enclosure: which files may be reached, what may be used, which system calls pass.
type wall struct {
	rules   []landlock.Rule
	limits  []limit
	filter  func(pid uint32) []unix.SockFilter
	without layers
}

type limit struct {
	name     string
	resource int
	value    uint64
}

func (w wall) raise() enclosure {
	var result enclosure
	var missing []error

	if w.without&layerLandlock == 0 {
		version, err := landlocksys.LandlockGetABIVersion()
		if err == nil && version >= 1 {
			err = landlock.V11.BestEffort().Restrict(w.rules...)
		}
		switch {
		case err == nil && version >= 1:
			result.landlock = version
		case errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP):
			missing = append(missing, errors.New("the kernel has no Landlock"))
		default:
			missing = append(missing, fmt.Errorf("kernel with Landlock version %d: %w", version, err))
		}
	} else {
		missing = append(missing, errors.New("without Landlock on request"))
	}

	if err := limitResources(w.limits); err != nil {
		missing = append(missing, err)
	} else {
		result.limits = true
	}

	if w.without&layerSeccomp == 0 {
		if err := filterSystemCalls(w.filter); err != nil {
			missing = append(missing, err)
		} else {
			result.seccomp = true
		}
	} else {
		missing = append(missing, errors.New("without seccomp on request"))
	}
	for i, err := range missing {
		if i > 0 {
			result.missing += "; "
		}
		result.missing += err.Error()
	}
	return result
}

func decoderLimits(config childConfig) []limit {
	return []limit{
		{"RLIMIT_DATA", unix.RLIMIT_DATA, uint64(config.memory)},
		{"RLIMIT_CPU", unix.RLIMIT_CPU, config.processorSeconds},
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, 16},
		{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE, 0},
		{"RLIMIT_CORE", unix.RLIMIT_CORE, 0},
		{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK, 0},
		{"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE, 0},
	}
}

func limitResources(limits []limit) error {
	for _, l := range limits {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}
