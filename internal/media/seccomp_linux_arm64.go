package media

import "golang.org/x/sys/unix"

const auditArchitecture = unix.AUDIT_ARCH_AARCH64

// playingHere are further system calls of [playing] that have their names on one architecture only.
var playingHere []uint32
