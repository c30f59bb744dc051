package hashlist

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// Kind is one kind of digest that a list can carry.
type Kind uint8

// The kinds of digest. PDQ is the 256-bit perceptual hash of Meta's PDQ
// specification; the others identify exact bytes.
const (
	MD5 Kind = 1 << iota
	SHA1
	SHA256
	PDQ
)

// AllKinds lists the kinds in the order in which they are printed.
func AllKinds() []Kind { return []Kind{MD5, SHA1, SHA256, PDQ} }

// Len is the length of a digest of the kind in bytes, 0 for no known kind.
func (k Kind) Len() int {
	switch k {
	case MD5:
		return 16
	case SHA1:
		return 20
	case SHA256, PDQ:
		return 32
	}
	return 0
}

// String is the usual name: "MD5", "SHA-1", "SHA-256" or "PDQ".
func (k Kind) String() string {
	switch k {
	case MD5:
		return "MD5"
	case SHA1:
		return "SHA-1"
	case SHA256:
		return "SHA-256"
	case PDQ:
		return "PDQ"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// ParseKind reads a kind by its name in any case, with or without a hyphen:
// "md5", "SHA-1", "sha256", "pdq".
func ParseKind(name string) (Kind, error) {
	switch strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "-", "") {
	case "md5":
		return MD5, nil
	case "sha1":
		return SHA1, nil
	case "sha256":
		return SHA256, nil
	case "pdq":
		return PDQ, nil
	}
	return 0, fmt.Errorf("digest kind %q is not one of md5, sha1, sha256, pdq", name)
}

// Kinds is a set of kinds.
type Kinds uint8

// Has reports whether the set holds kind.
func (s Kinds) Has(kind Kind) bool { return s&Kinds(kind) != 0 }

// Flag is an answer that a list may leave out: an absent flag is unknown,
// never false.
type Flag uint8

// The three answers.
const (
	Unknown Flag = iota
	No
	Yes
)

// String is "", "no" or "yes".
func (f Flag) String() string {
	switch f {
	case No:
		return "no"
	case Yes:
		return "yes"
	}
	return ""
}

// State is what became of an entry, as a list of changes tells it; "" when the
// list tells no states, as one of entries that hold does.
type State string

// The states. A withdrawn entry was wrong or is over; a suspended one is in
// doubt. Neither is to be compared.
const (
	StateActive    State = "active"
	StateSuspended State = "suspended"
	StateWithdrawn State = "withdrawn"
)

// Holds reports whether an entry of this state is to be compared.
func (s State) Holds() bool { return s == "" || s == StateActive }

// Refusal says why a well-formed row cannot be used; "" means that it can.
type Refusal string

// The closed list of refusals.
const (
	// RefusedEmptyFile: a digest of the row is that of the file of no bytes,
	// which would match every empty file there is.
	RefusedEmptyFile Refusal = "empty-file"
	// RefusedNoDigest: the row carries no digest at all.
	RefusedNoDigest Refusal = "no-digest"
	// RefusedUnsupported: the row carries digests, but only of kinds that are
	// not read (for example PhotoDNA or SHA-512).
	RefusedUnsupported Refusal = "unsupported-digest"
	// RefusedPlaceholder: the row's only digests consist of zeros.
	RefusedPlaceholder Refusal = "placeholder-digest"
	// RefusedFrames: the row gives frames of a video and nothing else, and none of
	// them is detailed enough to be compared.
	RefusedFrames Refusal = "plain-frames"
	// RefusedContradiction: the row gives two different digests of one kind.
	RefusedContradiction Refusal = "contradictory-digests"
)

// Reason is the refusal in one plain sentence without a full stop.
func (r Refusal) Reason() string {
	switch r {
	case "":
		return ""
	case RefusedEmptyFile:
		return "it is the digest of the empty file, which would match every empty file"
	case RefusedNoDigest:
		return "the row carries no digest"
	case RefusedUnsupported:
		return "the row carries only digests of kinds that are not supported"
	case RefusedPlaceholder:
		return "the digest consists of zeros and stands for no file"
	case RefusedFrames:
		return "no frame of the video is detailed enough to be compared"
	case RefusedContradiction:
		return "the row gives two different digests of the same kind"
	}
	return string(r)
}

// Entry is one row of a list. Text is as the source prints it, without
// surrounding space, as valid UTF-8 with line feeds as line ends.
type Entry struct {
	// Number counts the rows of the list from 1, refused ones included.
	Number int64
	// Line is the line on which the row starts, from 1. In JSON it is the line
	// of the opening brace.
	Line int64
	// Offset is the byte offset at which the row starts, a byte order mark
	// included. In CSV it is where the row before ends, so that blank and
	// comment lines between the two come after it.
	Offset int64
	// Refused is "" for a usable row.
	Refused Refusal

	// Kinds says which of the digests below are set.
	Kinds  Kinds
	MD5    [16]byte
	SHA1   [20]byte
	SHA256 [32]byte
	// PDQ holds the 256 bits in the order of their hexadecimal print.
	PDQ [32]byte
	// Insets are further hashes, of the middle of the picture.
	Insets []pdq.Inset
	// Frames are the hashes of a video's frames, in order; nil when there are none.
	Frames []video.Feature
	// PDQQuality is the quality 0..100 printed beside the PDQ, -1 when unknown.
	PDQQuality int

	// Size of the file in bytes, -1 when unknown. A printed 0 beside the digest
	// of a file with content is read as unknown.
	Size int64
	// MIME is the media type as printed; ICSE exports print a coarse word.
	MIME string
	// Category is the printed code of the list's own scheme, "" when absent or
	// null; see [Header.Profile] for which scheme that is.
	Category string
	// Verification is the printed state or number of verifications.
	Verification string

	VictimIdentified   Flag
	OffenderIdentified Flag
	IsDistributed      Flag
	IsPrecategorized   Flag
	IsSuspected        Flag
	SelfGenerated      Flag
	// Baseline is the ICSE column: within the INTERPOL baseline.
	Baseline Flag

	Series string
	// Source names who categorized the file (VICS PrecategorizationSource).
	Source string
	// SourceID is the source's own number of the file (VICS MediaID, ICSE
	// Image ID), as printed.
	SourceID string
	// Case is the identifier of the case that the row lies in, without braces.
	Case string
	// DateUpdated is as printed; [ParseTime] reads the forms seen.
	DateUpdated string
	Path        string
	Tags        string
	Note        string
	// State is set in lists of changes.
	State State
}

// Digest returns the digest of a kind, nil when the entry has none. The slice
// is a view into the entry.
func (e *Entry) Digest(kind Kind) []byte {
	if !e.Kinds.Has(kind) {
		return nil
	}
	return e.room(kind)
}

// SetDigest stores a digest of kind, whose length must be [Kind.Len].
func (e *Entry) SetDigest(kind Kind, digest []byte) error {
	room := e.room(kind)
	if room == nil || len(digest) != len(room) {
		return fmt.Errorf("setting the digest: %d bytes do not make a digest of %v", len(digest), kind)
	}
	copy(room, digest)
	e.Kinds |= Kinds(kind)
	return nil
}

// Hex returns the digest of a kind in lower-case hexadecimal, "" when the
// entry has none.
func (e *Entry) Hex(kind Kind) string { return hex.EncodeToString(e.Digest(kind)) }

func (e *Entry) room(kind Kind) []byte {
	switch kind {
	case MD5:
		return e.MD5[:]
	case SHA1:
		return e.SHA1[:]
	case SHA256:
		return e.SHA256[:]
	case PDQ:
		return e.PDQ[:]
	}
	return nil
}

// The digests of the input of no bytes: RFC 1321 appendix A.5 (MD5), and NIST
// CAVP ShortMsg with Len = 0 (SHA-1, SHA-256).
var (
	emptyMD5 = [16]byte{
		0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e,
	}
	emptySHA1 = [20]byte{
		0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
		0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09,
	}
	emptySHA256 = [32]byte{
		0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
		0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
	}
)

// NamesEmptyFile reports whether any digest of the entry is that of the file
// of no bytes.
func (e *Entry) NamesEmptyFile() bool {
	return e.Kinds.Has(MD5) && e.MD5 == emptyMD5 ||
		e.Kinds.Has(SHA1) && e.SHA1 == emptySHA1 ||
		e.Kinds.Has(SHA256) && e.SHA256 == emptySHA256
}
