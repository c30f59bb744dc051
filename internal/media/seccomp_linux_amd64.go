package media

import "golang.org/x/sys/unix"

const auditArchitecture = unix.AUDIT_ARCH_X86_64

// playingHere are further system calls of [playing] that have their names on this architecture only.
var playingHere = []uint32{unix.SYS_ARCH_PRCTL, unix.SYS_POLL}
