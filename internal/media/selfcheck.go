package media

// Attempt names something that a decoder must never be able to do.
type Attempt string

// What [Service.SelfCheck] lets a child try.
const (
	AttemptReadFile   Attempt = "read a file"
	AttemptListFolder Attempt = "list a folder"
	AttemptWriteFile  Attempt = "write a file"
	AttemptConnect    Attempt = "connect over TCP"
	AttemptDatagram   Attempt = "open a UDP socket"
	AttemptLocal      Attempt = "open a local socket"
	AttemptExec       Attempt = "execute a program"
	AttemptFork       Attempt = "fork"
	AttemptTrace      Attempt = "trace a process"
	AttemptSignal     Attempt = "signal another process"
	AttemptLimits     Attempt = "lift its own limits"
	AttemptCode       Attempt = "map executable memory"
)

var attempts = [...]Attempt{
	AttemptReadFile, AttemptListFolder, AttemptWriteFile, AttemptConnect, AttemptDatagram, AttemptLocal,
	AttemptExec, AttemptFork, AttemptTrace, AttemptSignal, AttemptLimits, AttemptCode,
}

// Check is one attempt of a child to leave its enclosure.
type Check struct {
	Attempt Attempt
	// Refused is true when the kernel refused for want of permission. An
	// attempt that failed for another reason counts as not refused.
	Refused bool
	// Answer is the answer of the kernel, for example "operation not permitted".
	Answer string
}
