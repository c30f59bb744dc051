package peer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

const (
	// specVersion is that of CloudEvents, which does not change with ours.
	specVersion = "1.0"
	// Version is the version of the envelope format that this node writes. It
	// reads every version with the same first number: a later one may add
	// optional header fields, message types and receipt members, nothing else.
	Version = "1.1"
	// firstVersion is what an envelope or a description without a version is of.
	firstVersion = "1.0"
	// maxSequence is the largest whole number that every JSON reader keeps exactly.
	maxSequence = 1<<53 - 1
	// MaxEnvelope is the largest envelope on the wire, in bytes. Media never
	// travel in envelopes.
	MaxEnvelope = 8 << 20
	// futureAllowed is how far a sender's clock may be ahead.
	futureAllowed = 5 * time.Minute
)

// Priority of an envelope.
type Priority string

const (
	Urgent Priority = "urgent"
	Normal Priority = "normal"
)

// Header is what everybody on the way can read: no personal data. It follows
// CloudEvents 1.0, with the attributes of docs/envelopes.md.
type Header struct {
	SpecVersion string               `json:"specversion"`
	ID          string               `json:"id"`
	Source      string               `json:"source"`
	Kind        mandate.EnvelopeKind `json:"kind"`
	Type        string               `json:"type"`
	Time        time.Time            `json:"time"`
	Subject     string               `json:"subject"`
	ContentType string               `json:"datacontenttype"`
	Schema      string               `json:"dataschema"`
	Recipients  []string             `json:"recipients"`
	Purpose     mandate.Purpose      `json:"purpose"`
	LegalBasis  string               `json:"legalbasis"`
	ReplyTo     string               `json:"replyto,omitempty"`
	Priority    Priority             `json:"priority"`
	// Sequence numbers the envelopes from the source to this recipient.
	Sequence int64 `json:"sequence"`
	// Checkpoint is the latest signed head of the sender's log: the receiver
	// keeps it and so becomes a witness of that log.
	Checkpoint string `json:"checkpoint,omitempty"`
	// Version is the version of the envelope format; left out it is 1.0.
	Version string `json:"brdoversion,omitempty"`
}

// Envelope is a message on the wire.
type Envelope struct {
	Header
	// Data is a JWE in compact form, whose content is a JWS of [signedContent].
	Data string `json:"data"`
	// unknown are header fields of a later version. They are not understood,
	// but they have to be the ones that were signed.
	unknown map[string]any
}

// signedContent is what the sender signs: the header again, and the message.
type signedContent struct {
	Header  json.RawMessage `json:"header"`
	Message json.RawMessage `json:"message"`
}

// Digest is the SHA-256 of the envelope's exact bytes, in hex; receipts name it.
func Digest(envelope []byte) string {
	sum := sha256.Sum256(envelope)
	return hex.EncodeToString(sum[:])
}

var errNoRecipient = problem.InvalidField("recipients", "no recipient is named", "name the one organisation that shall receive this; there is no \"all\"")

// Seal signs a message, encrypts it to the recipient and returns the envelope's
// bytes. The header's source and version are set here.
func Seal(keys Keys, to Node, header Header, message any) ([]byte, error) {
	header.SpecVersion, header.Source, header.ContentType, header.Version = specVersion, keys.Self.NodeID, "application/jose", Version
	header.Time = header.Time.UTC().Truncate(time.Millisecond)
	if len(header.Recipients) == 0 {
		return nil, errNoRecipient
	}
	if !slices.Equal(header.Recipients, []string{to.NodeID}) {
		return nil, problem.InvalidField("recipients", "the envelope is addressed to another node than it is sealed for", "seal one envelope for each recipient")
	}
	text, err := json.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("writing the message: %w", err)
	}
	inside, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("writing the header: %w", err)
	}
	content, err := json.Marshal(signedContent{inside, text})
	if err != nil {
		return nil, fmt.Errorf("writing the envelope's content: %w", err)
	}
	signer, err := keys.Secrets.EnvelopeSigner(nil)
	if err != nil {
		return nil, fmt.Errorf("preparing to sign: %w", err)
	}
	signed, err := signer.Sign(content)
	if err != nil {
		return nil, fmt.Errorf("signing the envelope: %w", err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("writing the signature: %w", err)
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: to.encryption(), KeyID: to.NodeID},
		(&jose.EncrypterOptions{}).WithContentType("JWS"))
	if err != nil {
		return nil, fmt.Errorf("preparing to encrypt to %s: %w", to.NodeID, err)
	}
	sealed, err := encrypter.Encrypt([]byte(compact))
	if err != nil {
		return nil, fmt.Errorf("encrypting to %s: %w", to.NodeID, err)
	}
	data, err := sealed.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("writing the encrypted content: %w", err)
	}
	envelope, err := json.Marshal(Envelope{Header: header, Data: data})
	if err != nil {
		return nil, fmt.Errorf("writing the envelope: %w", err)
	}
	if len(envelope) > MaxEnvelope {
		return nil, problem.InvalidField("message", "the envelope would be larger than 8 MiB", "send references to media, not media")
	}
	if _, err := Parse(envelope); err != nil { // found here, not by the recipient
		return nil, err
	}
	return envelope, nil
}

// Parse reads an envelope's header without opening it.
func Parse(text []byte) (Envelope, error) {
	var e Envelope
	if len(text) > MaxEnvelope {
		return e, problem.InvalidField("envelope", "it is larger than 8 MiB", "send references to media, not media")
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, problem.InvalidField("envelope", "it is not JSON of the envelope format", "see docs/envelopes.md").Because(err)
	}
	var err error
	if e.unknown, err = unknownFields(text, "data"); err != nil {
		return Envelope{}, err
	}
	refuse := func(field, reason string) (Envelope, error) {
		return Envelope{}, problem.InvalidField("envelope."+field, reason, "see docs/envelopes.md")
	}
	switch {
	case e.SpecVersion != specVersion:
		return refuse("specversion", "this node speaks version 1.0")
	case e.Version != "" && !speakable(e.Version):
		return refuse("brdoversion", "this node speaks version "+Version+" and earlier ones that begin with 1")
	case len(e.unknown) > 20:
		return refuse("header", "it has more than 20 fields that this version does not know")
	case len(e.Recipients) == 0:
		return Envelope{}, errNoRecipient
	case e.ID == "" || len(e.ID) > 100:
		return refuse("id", "it is empty or longer than 100 bytes")
	case e.Source == "":
		return refuse("source", "it is empty")
	case !slices.Contains(mandate.EnvelopeKinds, e.Kind):
		return refuse("kind", "there is no such kind of envelope")
	case !slices.Contains(mandate.Purposes, e.Purpose):
		return refuse("purpose", "there is no such purpose")
	case e.Sequence <= 0 || e.Sequence > maxSequence:
		return refuse("sequence", "it is not a positive number below 2 to the power of 53")
	case e.Time.IsZero():
		return refuse("time", "it is missing")
	case len(e.Checkpoint) > 8<<10:
		return refuse("checkpoint", "it is longer than 8 KiB")
	}
	for field, text := range map[string]string{
		"source": e.Source, "type": e.Type, "subject": e.Subject, "dataschema": e.Schema, "legalbasis": e.LegalBasis, "replyto": e.ReplyTo,
	} {
		if len(text) > 200 { // some of these are written to the log, which is kept
			return refuse(field, "it is longer than 200 bytes")
		}
	}
	return e, nil
}

// Open decrypts an envelope that is addressed to this node, checks the sender's
// signature and that what was signed is what the header says, and returns the
// message.
func Open(keys Keys, from Node, e Envelope, now time.Time) (json.RawMessage, error) {
	if !slices.Equal(e.Recipients, []string{keys.Self.NodeID}) {
		return nil, &problem.Error{Kind: problem.Denied, Field: "envelope.recipients", Reason: "the envelope is not addressed to this node", Remedy: "send it to the node that it names"}
	}
	if e.Source != from.NodeID {
		return nil, &problem.Error{Kind: problem.Denied, Field: "envelope.source", Reason: "the envelope is not from the node that sends it", Remedy: "send your own envelopes"}
	}
	if e.Time.After(now.Add(futureAllowed)) {
		return nil, &problem.Error{Kind: problem.Invalid, Field: "envelope.time", Reason: fmt.Sprintf("it lies %s in the future by this node's clock", e.Time.Sub(now).Round(time.Minute)), Remedy: "set the clock of the sending node (NTP); the envelope is kept there and sent again"}
	}
	sealed, err := jose.ParseEncryptedCompact(e.Data, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, unreadable("envelope.data", err)
	}
	compact, err := keys.Secrets.DecryptEnvelope(sealed)
	if err != nil {
		return nil, &problem.Error{Kind: problem.Denied, Field: "envelope.data", Reason: "it is not encrypted to this node's key", Remedy: "fetch this node's current description and seal it again"}
	}
	signed, err := jose.ParseSignedCompact(string(compact), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return nil, unreadable("envelope.data", err)
	}
	content, until, err := from.verify(signed)
	if err != nil || tooLate(e.Time, until) {
		return nil, &problem.Error{Kind: problem.Denied, Field: "envelope.data", Reason: "the signature is not the sender's", Remedy: "sign with the key of the registered description"}
	}
	var inside signedContent
	var header Header
	if err := json.Unmarshal(content, &inside); err != nil {
		return nil, unreadable("envelope.data", err)
	}
	if err := json.Unmarshal(inside.Header, &header); err != nil {
		return nil, unreadable("envelope.data", err)
	}
	unknown, err := unknownFields(inside.Header)
	if err != nil {
		return nil, err
	}
	if !sameHeader(header, e.Header) || !reflect.DeepEqual(unknown, e.unknown) {
		return nil, &problem.Error{Kind: problem.Denied, Field: "envelope", Reason: "the header is not the one that was signed", Remedy: "send the envelope unchanged"}
	}
	return inside.Message, nil
}

// headerFields are the names of the fields of a [Header].
var headerFields = func() []string {
	var names []string
	of := reflect.TypeFor[Header]()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

// unknownFields returns the members of a JSON object that are no field of a
// header, nor one of the others named.
func unknownFields(object []byte, others ...string) (map[string]any, error) {
	all := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	if err := decoder.Decode(&all); err != nil {
		return nil, unreadable("envelope", err)
	}
	for _, names := range [][]string{headerFields, others} {
		for _, name := range names {
			delete(all, name)
		}
	}
	return all, nil
}

// speakable says whether a version has the same first number as this node's.
func speakable(version string) bool {
	rest, found := strings.CutPrefix(version, "1.")
	return found && len(rest) > 0 && len(rest) < 4 && strings.Trim(rest, "0123456789") == ""
}

func sameHeader(a, b Header) bool {
	first, err := json.Marshal(a)
	second, other := json.Marshal(b)
	return err == nil && other == nil && string(first) == string(second)
}

func unreadable(field string, cause error) error {
	return problem.InvalidField(field, "it cannot be read", "see docs/envelopes.md").Because(cause)
}
