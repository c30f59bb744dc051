package media

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

const (
	// playerDescriptors is how many descriptors ffmpeg may have.
	playerDescriptors = 16
	// programDescriptor is that of ffmpeg's file until it runs, beyond the limit.
	programDescriptor = 64
)

// libraries are where a program's libraries lie, as the loader of a usual system looks for them.
var libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}

// play shuts the process in and turns it into ffmpeg, which reads standard input and writes frames to standard
// output, after the hello of the enclosure. It returns only when that fails.
//
// ffmpeg may execute nothing but itself and its loader (once: see playerFilter), read its libraries and its
// input, and write to what it inherited.
func play(arguments []string, out io.Writer) error {
	config, err := parsePlayerArguments(arguments)
	if err != nil {
		return err
	}
	program, err := filepath.EvalSymlinks(config.program)
	if err != nil {
		return fmt.Errorf("finding ffmpeg: %w", err)
	}
	loader, err := loaderOf(program)
	if err != nil {
		return err
	}
	opened, err := unix.Open(program, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening ffmpeg: %w", err)
	}
	if err := unix.Dup3(opened, programDescriptor, unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("opening ffmpeg: %w", err)
	}
	rules, err := playerRules(program, loader)
	if err != nil {
		return err
	}
	achieved := wall{
		rules: rules, filter: playerFilter, without: config.without,
		limits: []limit{
			{"RLIMIT_DATA", unix.RLIMIT_DATA, uint64(config.memory)},
			{"RLIMIT_CPU", unix.RLIMIT_CPU, config.processorSeconds},
			{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, playerDescriptors},
			{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE, 0},
			{"RLIMIT_CORE", unix.RLIMIT_CORE, 0},
			{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK, 0},
			{"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE, 0},
		},
	}.raise()
	if err := writeReply(out, 0, kindHello, achieved.encode()); err != nil {
		return fmt.Errorf("saying hello: %w", err)
	}
	if config.mustEnclose && !achieved.complete() {
		return fmt.Errorf("not enclosed: %s", achieved.missing)
	}
	return become(config.ffmpeg())
}

// loaderOf is the path of the loader that a program names; empty when it needs none.
func loaderOf(program string) (string, error) {
	file, err := elf.Open(program)
	if err != nil {
		return "", fmt.Errorf("reading ffmpeg's file: %w", err)
	}
	defer file.Close()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			path, err := io.ReadAll(io.LimitReader(part.Open(), 4096))
			if err != nil {
				return "", fmt.Errorf("reading ffmpeg's file: %w", err)
			}
			return strings.TrimRight(string(path), "\x00"), nil
		}
	}
	return "", nil
}

func playerRules(program, loader string) ([]landlock.Rule, error) {
	const read, execute = landlocksys.AccessFSReadFile, landlocksys.AccessFSExecute
	rules := []landlock.Rule{
		landlock.PathAccess(read|execute, program),
		landlock.PathAccess(read, libraries...).IgnoreIfMissing(),
	}
	if loader != "" {
		rules = append(rules, landlock.PathAccess(read|execute, loader))
	}
	// Memory files are outside the tree of files, so that a rule can neither name them nor keep
	// their own process from them.
	var about unix.Statfs_t
	if err := unix.Fstatfs(0, &about); err != nil {
		return nil, fmt.Errorf("looking at the input: %w", err)
	}
	target, err := os.Readlink(input)
	if err != nil {
		return nil, fmt.Errorf("looking at the input: %w", err)
	}
	if about.Type != unix.TMPFS_MAGIC || !strings.HasPrefix(target, "/memfd:") {
		rules = append(rules, landlock.PathAccess(read, input))
	}
	return rules, nil
}

// become executes the program of [programDescriptor], with no environment.
func become(arguments []string) error {
	argv := make([]*byte, len(arguments)+1)
	for i, argument := range arguments {
		text, err := unix.BytePtrFromString(argument)
		if err != nil {
			return fmt.Errorf("argument of ffmpeg: %w", err)
		}
		argv[i] = text
	}
	var nothing [1]byte
	var environment [1]*byte
	_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, programDescriptor, uintptr(unsafe.Pointer(&nothing[0])),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&environment[0])), unix.AT_EMPTY_PATH, 0)
	return fmt.Errorf("executing ffmpeg: %w", errno)
}

// seekable gives content as a file that can be read in any order: itself, when it is a regular
// file at its beginning, otherwise a copy in memory that no path leads to.
func seekable(content io.Reader, size int64) (*os.File, error) {
	if file, ok := content.(*os.File); ok {
		about, err := file.Stat()
		if err == nil && about.Mode().IsRegular() && about.Size() == size {
			descriptor, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				return nil, fmt.Errorf("opening the content again: %w", err)
			}
			return os.NewFile(uintptr(descriptor), "content"), nil
		}
	}
	descriptor, err := unix.MemfdCreate("content", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(descriptor), "content")
	if _, err := io.CopyN(file, content, size); err != nil {
		return nil, errors.Join(contentError{err}, file.Close())
	}
	if _, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		return nil, errors.Join(fmt.Errorf("closing a file in memory: %w", err), file.Close())
	}
	return file, nil
}
