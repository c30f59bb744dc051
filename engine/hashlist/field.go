package hashlist

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// field is one column or member that the package understands.
type field uint8

const (
	fieldNone field = iota
	fieldMD5
	fieldSHA1
	fieldSHA256
	fieldPDQ
	fieldHash
	fieldOtherDigest
	fieldPDQQuality
	fieldPDQInsets
	fieldSize
	fieldMIME
	fieldCategory
	fieldVerification
	fieldVictimIdentified
	fieldOffenderIdentified
	fieldIsDistributed
	fieldIsPrecategorized
	fieldIsSuspected
	fieldSelfGenerated
	fieldBaseline
	fieldSeries
	fieldSource
	fieldSourceID
	fieldCase
	fieldDateUpdated
	fieldPath
	fieldName
	fieldTags
	fieldNote
	fieldStatus
	fieldState
	fieldFrames
)

// fieldNames maps a name in lower case without spaces, hyphens and underscores
// to the field: the names of VICS, of ICSE exports, of NSRL and of our own.
var fieldNames = map[string]field{
	"md5": fieldMD5, "md5hash": fieldMD5, "md5sum": fieldMD5,
	"sha1": fieldSHA1, "sha1hash": fieldSHA1, "sha1sum": fieldSHA1,
	"sha256": fieldSHA256, "sha2256": fieldSHA256, "sha256hash": fieldSHA256, "sha256sum": fieldSHA256,
	"pdq": fieldPDQ, "pdqhash": fieldPDQ,
	"hash": fieldHash, "hashvalue": fieldHash, "digest": fieldHash,
	"photodna": fieldOtherDigest, "pdna": fieldOtherDigest, "sha512": fieldOtherDigest,
	"sha384": fieldOtherDigest, "sha224": fieldOtherDigest, "blake3": fieldOtherDigest, "tmkpdqf": fieldOtherDigest,
	"pdqquality": fieldPDQQuality, "pdqinsets": fieldPDQInsets,
	"size": fieldSize, "mediasize": fieldSize, "filesize": fieldSize, "sizebytes": fieldSize,
	"mime": fieldMIME, "mimetype": fieldMIME, "mediatype": fieldMIME, "contenttype": fieldMIME,
	"category": fieldCategory, "classification": fieldCategory,
	"verification": fieldVerification, "verificationstatus": fieldVerification,
	"victimidentified":   fieldVictimIdentified,
	"offenderidentified": fieldOffenderIdentified,
	"isdistributed":      fieldIsDistributed, "distributed": fieldIsDistributed,
	"isprecategorized": fieldIsPrecategorized, "precategorized": fieldIsPrecategorized,
	"issuspected":   fieldIsSuspected,
	"selfgenerated": fieldSelfGenerated,
	"baseline":      fieldBaseline,
	"series":        fieldSeries, "seriesname": fieldSeries,
	"source": fieldSource, "precategorizationsource": fieldSource,
	"sourceid": fieldSourceID, "mediaid": fieldSourceID, "imageid": fieldSourceID,
	"case": fieldCase, "caseid": fieldCase,
	"dateupdated": fieldDateUpdated,
	"path":        fieldPath, "relativefilepath": fieldPath, "filepath": fieldPath,
	"name": fieldName, "filename": fieldName,
	"tags": fieldTags,
	"note": fieldNote, "notes": fieldNote, "comment": fieldNote, "comments": fieldNote,
	"status":      fieldStatus,
	"state":       fieldState,
	"framehashes": fieldFrames,
}

// fieldOf returns the field of a printed name, fieldNone for a name that is
// not known. It does not allocate.
func fieldOf(name []byte) field {
	var plain [48]byte
	return fieldNames[string(plainName(plain[:0], name))]
}

// plainName appends the name in lower case without spaces, hyphens and
// underscores; an overlong name becomes "".
func plainName(dst, name []byte) []byte {
	if len(name) > cap(dst) {
		return dst
	}
	for _, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		case c == ' ', c == '_', c == '-':
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// names reports whether the field says which file a row is of.
func (f field) names() bool { return f.isDigest() || f == fieldFrames }

// isDigest reports whether the field holds a digest, supported or not.
func (f field) isDigest() bool { return f >= fieldMD5 && f <= fieldOtherDigest }

// rowBuilder gathers the fields of one row in entry.
type rowBuilder struct {
	entry  Entry
	kind64 Kind

	name                        string
	status                      string
	unsupported, zero, conflict bool

	repaired int64
	known    map[string]string
}

// begin clears the row and notes where it starts.
func (b *rowBuilder) begin(line, offset int64) {
	b.entry = Entry{Line: line, Offset: offset, Size: -1, PDQQuality: -1}
	b.name, b.status = "", ""
	b.unsupported, b.zero, b.conflict = false, false, false
}

// set stores the printed value of a field; an empty value is an absent one. A
// value that cannot be read is returned as a fault without a place.
func (b *rowBuilder) set(f field, value []byte) *SyntaxError {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return nil
	}
	e := &b.entry
	switch f {
	case fieldMD5:
		return b.digest(MD5, value)
	case fieldSHA1:
		return b.digest(SHA1, value)
	case fieldSHA256:
		return b.digest(SHA256, value)
	case fieldPDQ:
		return b.digest(PDQ, value)
	case fieldHash:
		return b.digestByLength(value)
	case fieldOtherDigest:
		b.unsupported = true
	case fieldPDQQuality:
		quality, err := strconv.Atoi(string(value))
		if err != nil || quality < 0 || quality > 100 {
			return fault("a PDQ quality is a whole number from 0 to 100", "correct the value or leave it empty")
		}
		if e.PDQQuality >= 0 && e.PDQQuality != quality {
			return givenTwice()
		}
		e.PDQQuality = quality
	case fieldPDQInsets:
		return b.insets(value)
	case fieldSize:
		return b.size(value)
	case fieldMIME:
		return b.text(&e.MIME, value, true)
	case fieldCategory:
		return b.text(&e.Category, value, true)
	case fieldVerification:
		return b.text(&e.Verification, value, true)
	case fieldVictimIdentified:
		return b.flag(&e.VictimIdentified, value)
	case fieldOffenderIdentified:
		return b.flag(&e.OffenderIdentified, value)
	case fieldIsDistributed:
		return b.flag(&e.IsDistributed, value)
	case fieldIsPrecategorized:
		return b.flag(&e.IsPrecategorized, value)
	case fieldIsSuspected:
		return b.flag(&e.IsSuspected, value)
	case fieldSelfGenerated:
		return b.flag(&e.SelfGenerated, value)
	case fieldBaseline:
		return b.flag(&e.Baseline, value)
	case fieldSeries:
		return b.text(&e.Series, value, true)
	case fieldSource:
		return b.text(&e.Source, value, true)
	case fieldSourceID:
		return b.text(&e.SourceID, value, false)
	case fieldCase:
		return b.text(&e.Case, value, true)
	case fieldDateUpdated:
		return b.text(&e.DateUpdated, value, true)
	case fieldPath:
		return b.text(&e.Path, value, false)
	case fieldName:
		return b.text(&b.name, value, false)
	case fieldTags:
		return b.text(&e.Tags, value, false)
	case fieldNote:
		return b.text(&e.Note, value, false)
	case fieldStatus:
		return b.text(&b.status, value, true)
	case fieldState:
		return b.state(value)
	case fieldFrames:
		return b.frames(value)
	}
	return nil
}

func fault(reason, remedy string) *SyntaxError {
	return &SyntaxError{Reason: reason, Remedy: remedy}
}

func givenTwice() *SyntaxError {
	return fault("it is given twice with different values", "ask the source which one holds")
}

// digest decodes hexadecimal digits of either case.
func (b *rowBuilder) digest(kind Kind, value []byte) *SyntaxError {
	var room [32]byte
	digest := room[:kind.Len()]
	if len(value) != hex.EncodedLen(len(digest)) {
		return fault(
			"a digest of "+kind.String()+" has "+strconv.Itoa(hex.EncodedLen(len(digest)))+" hexadecimal digits, here are "+strconv.Itoa(len(value))+" characters",
			"the line may be cut off: fetch the list again",
		)
	}
	if _, err := hex.Decode(digest, value); err != nil {
		return fault("a digest has hexadecimal digits only (0-9, a-f)", "check the column and its encoding")
	}
	if len(bytes.Trim(digest, "\x00")) == 0 {
		b.zero = true
		return nil
	}
	if held := b.entry.Digest(kind); held != nil && !bytes.Equal(held, digest) {
		b.conflict = true
		return nil
	}
	// The length was checked above, the only thing SetDigest can refuse.
	_ = b.entry.SetDigest(kind, digest)
	return nil
}

// maxInsets is the most further hashes that an entry may have.
const maxInsets = 32

// insets reads further hashes, each with its percentage, apart by semicolons.
func (b *rowBuilder) insets(value []byte) *SyntaxError {
	var all []pdq.Inset
	for part := range strings.SplitSeq(string(value), ";") {
		inset, err := pdq.ParseInset(strings.TrimSpace(part))
		if err != nil || len(all) == maxInsets {
			return fault("an inset is a percentage, a colon and a PDQ hash, and there are at most "+strconv.Itoa(maxInsets), "fetch the list again, or leave the column out")
		}
		all = append(all, inset)
	}
	if b.entry.Insets != nil && !slices.Equal(b.entry.Insets, all) {
		return givenTwice()
	}
	b.entry.Insets = all
	return nil
}

// kindOfLength returns the kind of a digest by its number of hexadecimal
// digits; unsupported says that it is one of another kind.
func kindOfLength(digits int, kind64 Kind) (kind Kind, unsupported bool) {
	switch digits {
	case 32:
		return MD5, false
	case 40:
		return SHA1, false
	case 64:
		return kind64, false
	case 56, 96, 128, 288: // SHA-224, SHA-384, SHA-512, PhotoDNA
		return 0, true
	}
	return 0, false
}

func (b *rowBuilder) digestByLength(value []byte) *SyntaxError {
	kind, unsupported := kindOfLength(len(value), b.kind64)
	if unsupported && isHex(value) {
		b.unsupported = true
		return nil
	}
	if kind == 0 {
		return fault(
			"a digest has 32 (MD5), 40 (SHA-1) or 64 (SHA-256 or PDQ) hexadecimal digits, here are "+strconv.Itoa(len(value))+" characters",
			"the line may be cut off: fetch the list again",
		)
	}
	return b.digest(kind, value)
}

func isHex(text []byte) bool {
	for _, c := range text {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return false
		}
	}
	return true
}

func (b *rowBuilder) size(value []byte) *SyntaxError {
	digits := bytes.TrimSuffix(value, []byte(".0"))
	size, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || size < -1 {
		return fault("a size is a whole number of bytes", "correct the value or leave it empty")
	}
	if b.entry.Size >= 0 && b.entry.Size != size {
		return givenTwice()
	}
	b.entry.Size = size
	return nil
}

// flag reads a printed answer: true, yes, y, t, 1 and their opposites in any
// case.
func (b *rowBuilder) flag(target *Flag, value []byte) *SyntaxError {
	answer := Unknown
	switch strings.ToLower(string(value[:min(len(value), 8)])) {
	case "true", "yes", "y", "t", "1":
		answer = Yes
	case "false", "no", "n", "f", "0":
		answer = No
	case "null", "unknown":
		return nil
	default:
		return fault("it is neither yes nor no", "write true, false or nothing")
	}
	if *target != Unknown && *target != answer {
		return givenTwice()
	}
	*target = answer
	return nil
}

// state reads what became of the entry. A word that is not known is a fault: an
// entry that was withdrawn in other words must not begin to match.
func (b *rowBuilder) state(value []byte) *SyntaxError {
	state := State(strings.ToLower(string(value[:min(len(value), 16)])))
	switch state {
	case StateActive, StateSuspended, StateWithdrawn:
	default:
		return fault("a state is active, suspended or withdrawn", "correct the value, or rename the column if it means something else")
	}
	if b.entry.State != "" && b.entry.State != state {
		return givenTwice()
	}
	b.entry.State = state
	return nil
}

// frames reads what [video.Inline] writes.
func (b *rowBuilder) frames(value []byte) *SyntaxError {
	features, err := video.ParseInline(string(value), MaximumFrames)
	if err != nil {
		return fault(err.Error(), "write frames as frame,quality,hash,seconds with semicolons between")
	}
	held := b.entry.Frames
	b.film(features)
	if held != nil && !slices.Equal(held, b.entry.Frames) {
		return givenTwice()
	}
	return nil
}

// film sets the frames, with times as they are written.
func (b *rowBuilder) film(features []video.Feature) {
	for i := range features {
		features[i].Time = features[i].Time.Round(time.Millisecond)
	}
	b.entry.Frames = features
}

// text stores a text; often says that few distinct values are expected.
func (b *rowBuilder) text(target *string, value []byte, often bool) *SyntaxError {
	text, held := "", false
	if often {
		text, held = b.known[string(value)]
	}
	if !held {
		text = b.clean(value)
		if often && len(value) <= 64 && len(b.known) < 1024 && utf8.Valid(value) {
			if b.known == nil {
				b.known = make(map[string]string)
			}
			b.known[string(value)] = text
		}
	}
	if *target != "" && *target != text {
		return givenTwice()
	}
	*target = text
	return nil
}

// clean returns valid UTF-8 with line feeds as line ends and without
// surrounding space.
func (b *rowBuilder) clean(value []byte) string {
	if !utf8.Valid(value) {
		b.repaired++
		value = bytes.ToValidUTF8(value, []byte("\uFFFD"))
	}
	text := string(bytes.TrimSpace(value))
	if strings.IndexByte(text, '\r') >= 0 {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	return text
}

// finish settles what depends on several fields, and whether the row can be
// used.
func (b *rowBuilder) finish() {
	e := &b.entry
	if e.Path == "" {
		e.Path = b.name
	}
	if e.Note == "" && b.status != "" && !strings.EqualFold(b.status, "ok") {
		e.Note = b.status
	}
	e.Case = bareIdentifier(e.Case)
	switch {
	case b.conflict:
		e.Refused = RefusedContradiction
	case e.NamesEmptyFile():
		e.Refused = RefusedEmptyFile
	case e.Kinds != 0, video.Detailed(e.Frames):
	case e.Frames != nil:
		e.Refused = RefusedFrames
	case b.unsupported:
		e.Refused = RefusedUnsupported
	case b.zero:
		e.Refused = RefusedPlaceholder
	default:
		e.Refused = RefusedNoDigest
	}
	if e.Size == 0 && e.Refused == "" {
		e.Size = -1
	}
}

// bareIdentifier is an identifier without the braces that some exporters put
// round it.
func bareIdentifier(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return r == '{' || r == '}' || unicode.IsSpace(r) })
}
