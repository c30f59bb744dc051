package hashlist

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// VICSOptions says how a VICS hash set is written.
type VICSOptions struct {
	// Profile is the profile in the context address: "US", "UK", "CUSTOM" or
	// "Default" (also for "").
	Profile string
	// Renumber writes MediaID 1, 2, 3, … instead of the entries' SourceID.
	Renumber bool
}

// VICSWriter writes a VICS-compatible (observed) 2.0 hash set: the fields are
// those seen in public implementations, the specification is not public.
type VICSWriter struct {
	output  *bufio.Writer
	encoder *json.Encoder
	options VICSOptions
	number  int64
	written int64
	left    map[string]int64
}

// vicsMedia is a media object as written. Flags are left out when unknown.
type vicsMedia struct {
	MediaID            *int64                `json:"MediaID,omitempty"`
	Category           *int64                `json:"Category,omitempty"`
	MD5                string                `json:"MD5"`
	SHA1               string                `json:"SHA1,omitempty"`
	MediaSize          *int64                `json:"MediaSize,omitempty"`
	DateUpdated        string                `json:"DateUpdated,omitempty"`
	MimeType           string                `json:"MimeType,omitempty"`
	RelativeFilePath   string                `json:"RelativeFilePath,omitempty"`
	VictimIdentified   *bool                 `json:"VictimIdentified,omitempty"`
	OffenderIdentified *bool                 `json:"OffenderIdentified,omitempty"`
	IsDistributed      *bool                 `json:"IsDistributed,omitempty"`
	IsSuspected        *bool                 `json:"IsSuspected,omitempty"`
	SelfGenerated      *bool                 `json:"SelfGenerated,omitempty"`
	IsPrecategorized   *bool                 `json:"IsPrecategorized,omitempty"`
	Precategorization  string                `json:"PrecategorizationSource,omitempty"`
	Series             string                `json:"Series,omitempty"`
	Tags               string                `json:"Tags,omitempty"`
	Comments           string                `json:"Comments,omitempty"`
	AlternativeHashes  []vicsAlternativeHash `json:"AlternativeHashes,omitempty"`
}

type vicsAlternativeHash struct {
	MD5, HashName, HashValue string
}

// NewVICSWriter writes the beginning of the document.
func NewVICSWriter(w io.Writer, options VICSOptions) (*VICSWriter, error) {
	switch options.Profile {
	case "":
		options.Profile = "Default"
	case "Default", "US", "UK", "CUSTOM":
	default:
		return nil, fmt.Errorf("writing a VICS list: profile %q is not one of Default, US, UK, CUSTOM", options.Profile)
	}
	output := bufio.NewWriterSize(w, window)
	v := &VICSWriter{output: output, encoder: json.NewEncoder(output), options: options, left: map[string]int64{}}
	v.encoder.SetEscapeHTML(false)
	_, err := fmt.Fprintf(output, "{\"@odata.context\":\"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/%s/$metadata#Media\",\"value\":[\n", options.Profile)
	if err != nil {
		return nil, fmt.Errorf("writing a VICS list: %w", err)
	}
	return v, nil
}

// Write adds the entry. VICS wants an MD5, a whole number as category and,
// without Renumber, a whole number as SourceID; other entries are refused.
func (v *VICSWriter) Write(e Entry) error {
	v.number++
	if err := usable(v.number, &e, false); err != nil {
		return err
	}
	refuse := func(field, reason, remedy string) error {
		return &EntryError{Number: v.number, Field: field, Reason: reason, Remedy: remedy}
	}
	if !e.Kinds.Has(MD5) {
		return refuse("MD5", "VICS identifies a file by its MD5, which the entry has not", "write a CSV")
	}
	media := vicsMedia{
		MD5: upperHex(e.MD5[:]), DateUpdated: e.DateUpdated, MimeType: e.MIME, RelativeFilePath: e.Path,
		VictimIdentified: answer(e.VictimIdentified), OffenderIdentified: answer(e.OffenderIdentified),
		IsDistributed: answer(e.IsDistributed), IsSuspected: answer(e.IsSuspected),
		SelfGenerated: answer(e.SelfGenerated), IsPrecategorized: answer(e.IsPrecategorized),
		Precategorization: e.Source, Series: e.Series, Tags: e.Tags, Comments: e.Note,
	}
	if e.Kinds.Has(SHA1) {
		media.SHA1 = upperHex(e.SHA1[:])
	}
	for _, other := range []struct {
		kind Kind
		name string
	}{{SHA256, "SHA256"}, {PDQ, "PDQ"}} {
		if digest := e.Digest(other.kind); digest != nil {
			media.AlternativeHashes = append(media.AlternativeHashes, vicsAlternativeHash{media.MD5, other.name, upperHex(digest)})
		}
	}
	if e.Size >= 0 {
		media.MediaSize = &e.Size
	}
	if e.Category != "" {
		category, err := strconv.ParseInt(e.Category, 10, 64)
		if err != nil {
			return refuse("Category", "VICS has whole numbers as categories, not "+strconv.Quote(e.Category), "map the categories to the receiver's scheme first")
		}
		media.Category = &category
	}
	id := v.written + 1
	if !v.options.Renumber {
		var err error
		if id, err = strconv.ParseInt(e.SourceID, 10, 64); err != nil {
			return refuse("MediaID", "VICS has whole numbers as MediaID, not "+strconv.Quote(e.SourceID), "choose to number the entries anew")
		}
	}
	media.MediaID = &id
	if v.written > 0 {
		if err := v.output.WriteByte(','); err != nil {
			return fmt.Errorf("writing a VICS list: %w", err)
		}
	}
	if err := v.encoder.Encode(&media); err != nil {
		return fmt.Errorf("writing a VICS list: %w", err)
	}
	v.written++
	v.countLeft(&e)
	return nil
}

func (v *VICSWriter) countLeft(e *Entry) {
	for _, item := range []struct {
		name string
		held bool
	}{
		{"PDQQuality", e.PDQQuality >= 0 && e.Kinds.Has(PDQ)},
		{"Verification", e.Verification != ""},
		{"Baseline", e.Baseline != Unknown},
		{"Case", e.Case != ""},
		{"Frames", e.Frames != nil},
		{"Insets", e.Insets != nil},
		{"SourceID", v.options.Renumber && e.SourceID != ""},
	} {
		if item.held {
			v.left[item.name]++
		}
	}
}

// LeftOut counts, by field of [Entry], the values written entries hold and
// VICS has no place for.
func (v *VICSWriter) LeftOut() map[string]int64 {
	left := make(map[string]int64, len(v.left))
	for name, count := range v.left {
		left[name] = count
	}
	return left
}

// Close completes the document.
func (v *VICSWriter) Close() error {
	if _, err := v.output.WriteString("]}\n"); err != nil {
		return fmt.Errorf("writing a VICS list: %w", err)
	}
	if err := v.output.Flush(); err != nil {
		return fmt.Errorf("writing a VICS list: %w", err)
	}
	return nil
}

func upperHex(digest []byte) string { return strings.ToUpper(hex.EncodeToString(digest)) }

func answer(f Flag) *bool {
	if f == Unknown {
		return nil
	}
	yes := f == Yes
	return &yes
}
