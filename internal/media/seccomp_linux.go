//go:build linux && (amd64 || arm64)

package media

import (
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// permitted are the system calls that the Go runtime and two pipes need once
// the program runs. None of them opens anything.
var permitted = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_CLOSE,
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_MREMAP, unix.SYS_BRK,
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_GETTIMEOFDAY,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETPPID,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_GETRANDOM,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// Offsets in struct seccomp_data (linux/seccomp.h): number, architecture,
// instruction pointer, six arguments of 64 bits. Both architectures are
// little-endian, so the low half of an argument comes first.
const (
	offsetNumber       = 0
	offsetArchitecture = 4
	offsetArguments    = 16
)

// Instructions of classic BPF, and what a filter can answer.
const (
	load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	equal   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	atLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	set     = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	masked  = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	give    = unix.BPF_RET | unix.BPF_K

	allow     = unix.SECCOMP_RET_ALLOW
	refuse    = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	notThere  = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	otherMode = 0x40000000 // x32 numbers on amd64; no such number elsewhere
)

// argument loads the low half of an argument of the system call.
func argument(index uint32) unix.SockFilter {
	return unix.SockFilter{Code: load, K: offsetArguments + 8*index}
}

// highHalf loads the other half.
func highHalf(index uint32) unix.SockFilter {
	return unix.SockFilter{Code: load, K: offsetArguments + 8*index + 4}
}

// pass begins a filter: system calls of this machine's kind, of which these pass whatever their arguments.
func pass(numbers ...uint32) []unix.SockFilter {
	program := []unix.SockFilter{
		{Code: load, K: offsetArchitecture},
		{Code: equal, Jt: 1, K: auditArchitecture},
		{Code: give, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: load, K: offsetNumber},
		{Code: atLeast, Jf: 1, K: otherMode},
		{Code: give, K: refuse},
	}
	for _, number := range numbers {
		program = append(program,
			unix.SockFilter{Code: equal, Jf: 1, K: number},
			unix.SockFilter{Code: give, K: allow})
	}
	return program
}

// threads passes what makes threads and signals them, and ends a filter: all else is refused.
func threads(pid uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: equal, Jf: 4, K: unix.SYS_CLONE},
		argument(0),
		{Code: set, Jf: 1, K: unix.CLONE_THREAD},
		{Code: give, K: allow},
		{Code: give, K: refuse},

		{Code: equal, Jf: 4, K: unix.SYS_TGKILL},
		argument(0),
		{Code: equal, Jf: 1, K: pid},
		{Code: give, K: allow},
		{Code: give, K: refuse},

		{Code: equal, Jf: 1, K: unix.SYS_CLONE3},
		{Code: give, K: notThere},
		{Code: give, K: refuse},
	}
}

// filterProgram is a classic BPF program: permitted calls pass, four pass by
// their arguments, all others are answered EPERM. Refusing rather than killing
// lets a new version of the runtime try something newer and fall back.
//
//   - clone only for threads; clone3, whose arguments a filter cannot see, is
//     answered ENOSYS, on which libc falls back to clone;
//   - tgkill only within the process (the runtime preempts threads with it);
//   - mmap and mprotect without PROT_EXEC: no new code.
func filterProgram(pid uint32) []unix.SockFilter {
	program := append(pass(permitted...),
		unix.SockFilter{Code: equal, Jt: 1, K: unix.SYS_MMAP},
		unix.SockFilter{Code: equal, Jf: 4, K: unix.SYS_MPROTECT},
		argument(2),
		unix.SockFilter{Code: set, Jt: 1, K: unix.PROT_EXEC},
		unix.SockFilter{Code: give, K: allow},
		unix.SockFilter{Code: give, K: refuse})
	return append(program, threads(pid)...)
}

// playing are the further system calls with which the loader starts ffmpeg and ffmpeg
// reads its input. What can be opened is Landlock's to say.
var playing = []uint32{
	unix.SYS_OPENAT, unix.SYS_PREAD64, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_LSEEK, unix.SYS_FSTAT, unix.SYS_NEWFSTATAT, unix.SYS_PPOLL,
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID,
	unix.SYS_SET_TID_ADDRESS, unix.SYS_UNAME, unix.SYS_SYSINFO, unix.SYS_GETRUSAGE,
}

// playerFilter is the filter of the process that becomes ffmpeg: as filterProgram, and
//
//   - execveat only of the descriptor that [play] opened. It is closed by that, and has a number above the limit of
//     descriptors, so that it cannot be had again: no second program is run;
//   - mmap of code only from a file, which a loader needs, and never of writable memory; mprotect never makes code;
//   - prlimit only to ask, prctl only to name a thread, fcntl only about flags.
func playerFilter(pid uint32) []unix.SockFilter {
	program := append(pass(slices.Concat(playing, permitted, playingHere)...),
		unix.SockFilter{Code: equal, Jf: 4, K: unix.SYS_EXECVEAT},
		argument(0),
		unix.SockFilter{Code: equal, Jf: 1, K: programDescriptor},
		unix.SockFilter{Code: give, K: allow},
		unix.SockFilter{Code: give, K: refuse},

		unix.SockFilter{Code: equal, Jf: 4, K: unix.SYS_MPROTECT},
		argument(2),
		unix.SockFilter{Code: set, Jt: 1, K: unix.PROT_EXEC},
		unix.SockFilter{Code: give, K: allow},
		unix.SockFilter{Code: give, K: refuse},

		unix.SockFilter{Code: equal, Jf: 9, K: unix.SYS_MMAP},
		argument(2),
		unix.SockFilter{Code: set, Jf: 5, K: unix.PROT_EXEC}, // no code: allow
		unix.SockFilter{Code: set, Jt: 5, K: unix.PROT_WRITE},
		argument(3),
		unix.SockFilter{Code: set, Jt: 3, K: unix.MAP_ANONYMOUS},
		unix.SockFilter{Code: masked, K: unix.MAP_TYPE},
		unix.SockFilter{Code: equal, Jf: 1, K: unix.MAP_PRIVATE},
		unix.SockFilter{Code: give, K: allow},
		unix.SockFilter{Code: give, K: refuse},

		unix.SockFilter{Code: equal, Jf: 6, K: unix.SYS_PRLIMIT64},
		argument(2),
		unix.SockFilter{Code: equal, Jf: 3, K: 0},
		highHalf(2),
		unix.SockFilter{Code: equal, Jf: 1, K: 0},
		unix.SockFilter{Code: give, K: allow},
		unix.SockFilter{Code: give, K: refuse},

		unix.SockFilter{Code: equal, Jf: 4, K: unix.SYS_PRCTL},
		argument(0),
		unix.SockFilter{Code: equal, Jf: 1, K: unix.PR_SET_NAME},
		unix.SockFilter{Code: give, K: allow},
		unix.SockFilter{Code: give, K: refuse},

		unix.SockFilter{Code: equal, Jf: 6, K: unix.SYS_FCNTL},
		argument(1),
		unix.SockFilter{Code: equal, Jt: 2, K: unix.F_GETFD},
		unix.SockFilter{Code: equal, Jt: 1, K: unix.F_SETFD},
		unix.SockFilter{Code: equal, Jf: 1, K: unix.F_GETFL},
		unix.SockFilter{Code: give, K: allow},
		unix.SockFilter{Code: give, K: refuse})
	return append(program, threads(pid)...)
}

// filterSystemCalls installs the filter on all threads at once; the kernel
// carries no_new_privs over to them with it (seccomp(2), FLAG_TSYNC).
func filterSystemCalls(filter func(pid uint32) []unix.SockFilter) error {
	program := filter(uint32(os.Getpid()))
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	instructions := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	failed, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&instructions)))
	switch {
	case errno != 0:
		return fmt.Errorf("seccomp: %w", errno)
	case failed != 0:
		return fmt.Errorf("seccomp: thread %d could not be filtered", failed)
	}
	return nil
}
