package exchangetest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sequences are the complex types of NCMEC's schema: their elements in order, each with its
// type after a colon where it has one, and how often it may come: once, ?, * or +.
var sequences = map[string]string{
	"report":      "batchedReport:batched? incidentSummary:summary internetDetails:internet* lawEnforcement:enforcement? reporter:reporter personOrUserReported:reported* intendedRecipient:reported* victim:victim* additionalInfo?",
	"batched":     "",
	"summary":     "incidentType:incidentType platform? escalateToHighPriority? reportAnnotations:annotations? incidentDateTime:dateTime incidentDateTimeDescription?",
	"internet":    "webPageIncident:webPage? chatImIncident:chat?",
	"webPage":     "url* additionalInfo?",
	"chat":        "chatClient? chatRoomName? content? additionalInfo?",
	"enforcement": "agencyName caseNumber? officerContact:contact? reportedToLe:boolean? servedLegalProcessDomestic:boolean? servedLegalProcessInternational:boolean?",
	"reporter":    "reportingPerson:person contactPerson:contact? companyTemplate? termsOfService? legalURL?",
	"person":      "firstName? lastName? phone* email* address:address* age? dateOfBirth?",
	"contact":     "firstName? lastName? phone* email* address:address*",
	"address":     "address? city? zipCode? state? nonUsaState? country?",
	"reported":    "personOrUserReportedPerson:person? vehicleDescription? espIdentifier? espService? compromisedAccount:boolean? screenName? displayName* profileUrl* profileBio? ipCaptureEvent:ipEvent* deviceId* thirdPartyUserReported:boolean? priorCTReports* groupIdentifier? accountTemporarilyDisabled:boolean? accountPermanentlyDisabled:boolean? estimatedLocation? allEmailsReported:boolean? associatedAccount* additionalInfo?",
	"victim":      "victimPerson:person espIdentifier? espService? compromisedAccount:boolean? screenName? displayName* profileUrl* profileBio? ipCaptureEvent:ipEvent* deviceId* schoolName? priorCTReports* accountTemporarilyDisabled:boolean? accountPermanentlyDisabled:boolean? estimatedLocation? allEmailsReported:boolean? associatedAccount* additionalInfo?",
	"ipEvent":     "ipAddress eventName:eventName? dateTime:dateTime? possibleProxy:boolean? port:number?",
	"fileDetails": "reportId:number fileId fileName? originalFileName? uploadedToEspTimestamp:dateTime? locationOfFile? fileViewedByEsp:boolean? exifViewedByEsp:boolean? publiclyAvailable:boolean? fileRelevance:relevance? potentialMeme:boolean? industryClassification:industry? originalFileHash* ipCaptureEvent:ipEvent? deviceId* details:metadata* additionalInfo*",
	"metadata":    "nameValuePair:nameValue+",
	"nameValue":   "name value",
	"annotations": "sextortion:boolean? csamSolicitation:boolean? minorToMinorInteraction:boolean? spam:boolean? sadisticOnlineExploitation:boolean?",
}

// values are the simple types that have a closed list.
var values = map[string][]string{
	"incidentType": {
		"Child Pornography (possession, manufacture, and distribution)", "Child Sex Trafficking", "Child Sex Tourism", "Child Sexual Molestation", "Misleading Domain Name",
		"Misleading Words or Digital Images on the Internet", "Online Enticement of Children for Sexual Acts", "Unsolicited Obscene Material Sent to a Child",
	},
	"eventName": {"Login", "Registration", "Purchase", "Upload", "Other", "Unknown"},
	"relevance": {"Reported", "Supplemental Reported"},
	"industry":  {"A1", "A2", "B1", "B2"},
	"boolean":   {"true", "false", "1", "0"},
}

// node is an element as it was read.
type node struct {
	name     string
	text     string
	children []*node
}

// find is the text of the first element at a path; empty when there is none.
func (n *node) find(path ...string) string {
	if len(path) == 0 {
		return n.text
	}
	for _, child := range n.children {
		if child.name == path[0] {
			return child.find(path[1:]...)
		}
	}
	return ""
}

func readXML(text []byte) (*node, error) {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	top := &node{}
	open := []*node{top}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			child := &node{name: token.Name.Local}
			at.children = append(at.children, child)
			open = append(open, child)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			at.text += string(token)
		}
	}
	if len(top.children) != 1 {
		return nil, fmt.Errorf("%d documents", len(top.children))
	}
	return top.children[0], nil
}

// valid holds an element against its type, strictly in the order of the sequence.
func (n *node) valid(kind string) error {
	sequence, complex := sequences[kind]
	if !complex {
		return n.simple(kind)
	}
	if strings.TrimSpace(n.text) != "" {
		return fmt.Errorf("%s: text between its elements", n.name)
	}
	at := 0
	for _, part := range strings.Fields(sequence) {
		often := part[len(part)-1:]
		name, inner, _ := strings.Cut(strings.TrimRight(part, "?*+"), ":")
		found := 0
		for at < len(n.children) && n.children[at].name == name && (found == 0 || often == "*" || often == "+") {
			if err := n.children[at].valid(inner); err != nil {
				return fmt.Errorf("%s/%w", n.name, err)
			}
			at, found = at+1, found+1
		}
		if found == 0 && often != "?" && often != "*" {
			return fmt.Errorf("%s: %s is missing or out of order", n.name, name)
		}
	}
	if at < len(n.children) {
		return fmt.Errorf("%s: %s is not expected there", n.name, n.children[at].name)
	}
	return nil
}

func (n *node) simple(kind string) (err error) {
	switch kind {
	case "":
	case "dateTime":
		_, err = time.Parse(time.RFC3339, n.text)
	case "number":
		_, err = strconv.ParseInt(n.text, 10, 64)
	default:
		if !slices.Contains(values[kind], n.text) {
			err = errors.New("no value of the schema")
		}
	}
	if len(n.children) > 0 {
		err = errors.New("elements in a text")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	return nil
}

// ValidCyberTip holds a document against NCMEC's schema: "report" or "fileDetails".
func ValidCyberTip(kind string, document []byte) error {
	top, err := readXML(document)
	if err != nil {
		return err
	}
	if top.name != kind {
		return fmt.Errorf("it is <%s>", top.name)
	}
	if kind == "report" && top.find("internetDetails") == "" && !slices.ContainsFunc(top.children, func(n *node) bool { return n.name == "internetDetails" }) {
		return errors.New("no internetDetails")
	}
	return top.valid(kind)
}
