package media

// Status says what became of one file. The list is closed.
type Status string

const (
	// StatusOK: decoded; a fingerprint is worth comparing.
	StatusOK Status = "ok"
	// StatusUnhashable: decoded, but so featureless that its PDQ quality is
	// below [pdq.MinimumQuality]: a match would mean nothing.
	StatusUnhashable Status = "unhashable"
	// StatusPartial: decoded in part, because the file is cut off or damaged;
	// a fingerprint of that part, with grey for the rest, is worth comparing.
	StatusPartial Status = "partial"
	// StatusUnsupported: a format, or a variant of one, that is not decoded.
	StatusUnsupported Status = "unsupported"
	// StatusUnreadable: malformed.
	StatusUnreadable Status = "unreadable"
	// StatusTruncated: the file ends, or points past its end, before the
	// picture is complete.
	StatusTruncated Status = "truncated"
	// StatusTooLarge: the file, its dimensions or the memory that it needs are
	// beyond the limits of this node.
	StatusTooLarge Status = "too-large"
	// StatusTimedOut: decoding took longer than the deadline.
	StatusTimedOut Status = "timed-out"
	// StatusCrashed: the decoder died or answered nonsense.
	StatusCrashed Status = "crashed"
	// StatusEmpty: zero bytes.
	StatusEmpty Status = "empty"
)

// statusCodes is the order on the wire; parent and child are one binary.
var statusCodes = [...]Status{
	StatusOK, StatusUnhashable, StatusUnsupported, StatusUnreadable, StatusTruncated,
	StatusTooLarge, StatusTimedOut, StatusCrashed, StatusEmpty, StatusPartial,
}

func (status Status) code() byte {
	for code, known := range statusCodes {
		if known == status {
			return byte(code)
		}
	}
	panic("media: status outside the closed list: " + string(status))
}

// Decoded reports whether a picture, or a part of one, was obtained from the file.
func (status Status) Decoded() bool {
	return status == StatusOK || status == StatusUnhashable || status == StatusPartial
}
