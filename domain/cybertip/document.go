package cybertip

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// The types below are those parts of the schema that a report of ours fills. Their fields
// stand in the order of the schema's sequences: the service refuses any other.

// document is <report>.
type document struct {
	XMLName  xml.Name   `xml:"report"`
	Batched  *batched   `xml:"batchedReport"`
	Summary  summary    `xml:"incidentSummary"`
	Internet []internet `xml:"internetDetails"`
	Reporter Reporter   `xml:"reporter"`
	Reported []reported `xml:"personOrUserReported"`
	Victims  []victim   `xml:"victim"`
	Info     string     `xml:"additionalInfo,omitempty"`
}

type batched struct {
	Reason string `xml:"reason,attr"`
}

type summary struct {
	Type        string `xml:"incidentType"`
	Escalate    string `xml:"escalateToHighPriority,omitempty"`
	At          string `xml:"incidentDateTime"`
	Description string `xml:"incidentDateTimeDescription,omitempty"`
}

type internet struct {
	WebPage *webPage `xml:"webPageIncident"`
	Chat    *chat    `xml:"chatImIncident"`
}

type webPage struct {
	URL  []string `xml:"url"`
	Info string   `xml:"additionalInfo,omitempty"`
}

type chat struct {
	Client  string `xml:"chatClient,omitempty"`
	Content string `xml:"content,omitempty"`
	Info    string `xml:"additionalInfo,omitempty"`
}

// Reporter is who reports, as the operator configured it.
type Reporter struct {
	Reporting       Person  `xml:"reportingPerson"`
	Contact         *Person `xml:"contactPerson"`
	CompanyTemplate string  `xml:"companyTemplate,omitempty"`
	TermsOfService  string  `xml:"termsOfService,omitempty"`
	LegalURL        string  `xml:"legalURL,omitempty"`
}

// Person is somebody who can be reached, or who is reported.
type Person struct {
	FirstName string    `xml:"firstName,omitempty"`
	LastName  string    `xml:"lastName,omitempty"`
	Phone     []string  `xml:"phone"`
	Email     []string  `xml:"email"`
	Address   []address `xml:"address"`
}

type address struct {
	Text string `xml:"address"`
}

type reported struct {
	Person      *Person   `xml:"personOrUserReportedPerson"`
	ID          string    `xml:"espIdentifier,omitempty"`
	ScreenName  string    `xml:"screenName,omitempty"`
	Profile     string    `xml:"profileUrl,omitempty"`
	IPs         []ipEvent `xml:"ipCaptureEvent"`
	Temporarily bool      `xml:"accountTemporarilyDisabled,omitempty"`
	Permanently bool      `xml:"accountPermanentlyDisabled,omitempty"`
	Info        string    `xml:"additionalInfo,omitempty"`
}

type victim struct {
	Person     Person `xml:"victimPerson"`
	ID         string `xml:"espIdentifier,omitempty"`
	ScreenName string `xml:"screenName,omitempty"`
	Profile    string `xml:"profileUrl,omitempty"`
	Info       string `xml:"additionalInfo,omitempty"`
}

type ipEvent struct {
	IP    string `xml:"ipAddress"`
	Event string `xml:"eventName"`
	At    string `xml:"dateTime,omitempty"`
	Port  int    `xml:"port,omitempty"`
}

// details are the elements of <fileDetails> that follow reportId and fileId.
type details struct {
	XMLName      xml.Name  `xml:"fileDetails"`
	Name         string    `xml:"fileName,omitempty"`
	OriginalName string    `xml:"originalFileName,omitempty"`
	Uploaded     string    `xml:"uploadedToEspTimestamp,omitempty"`
	Viewed       bool      `xml:"fileViewedByEsp"`
	ExifViewed   bool      `xml:"exifViewedByEsp"`
	Relevance    string    `xml:"fileRelevance"`
	Meme         bool      `xml:"potentialMeme,omitempty"`
	Industry     string    `xml:"industryClassification,omitempty"`
	Hashes       []hash    `xml:"originalFileHash"`
	IP           *ipEvent  `xml:"ipCaptureEvent"`
	Metadata     *metadata `xml:"details"`
	Info         []string  `xml:"additionalInfo"`
}

type hash struct {
	Kind string `xml:"hashType,attr"`
	Text string `xml:",chardata"`
}

type metadata struct {
	Kind  string `xml:"type,attr"`
	Pairs []pair `xml:"nameValuePair"`
}

type pair struct {
	Name  string `xml:"name"`
	Value string `xml:"value"`
}

func write(value any) (string, error) {
	text, err := xml.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("writing a document of the CyberTipline: %w", err)
	}
	return string(text), nil
}

// Document is the <fileDetails> of a file once the service has named report and file.
func (f File) Document(report int64, file string) []byte {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(file)) // a Builder takes all
	return []byte(xml.Header + fmt.Sprintf("<fileDetails><reportId>%d</reportId><fileId>%s</fileId>%s</fileDetails>", report, escaped.String(), f.Details))
}

// Document is the <report>.
func (t Tip) Document() []byte { return []byte(xml.Header + t.Report) }

// stamp is a moment as the schema has it (xs:dateTime), in the offset that it came with;
// empty for none.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}
