package notices

import "time"

// Message carries a notice, in an envelope of kind notice.
type Message struct {
	// Notice is the sender's name of it.
	Notice string `json:"notice"`
	// Signed holds its exact bytes with the sender's signature (JWS).
	Signed string `json:"signed"`
}

// Reply is what the addressee did about a notice, in an envelope of kind
// notice-answer.
type Reply struct {
	Notice string `json:"notice"`
	// Says is removed or refused.
	Says   string `json:"says"`
	Reason string `json:"reason,omitempty"`
	// At is when the material was removed.
	At time.Time `json:"at,omitzero"`
}

// What a [Reply] says.
const (
	SaysRemoved = "removed"
	SaysRefused = "refused"
)

const (
	// signedNotice is the kind of the statement that a notice is signed as.
	signedNotice = "brdo-notice"
	// method is how it is signed.
	method = "Ed25519 (JWS, RFC 7515 and 8037)"
	// legalBasis is what the envelopes name.
	legalBasis = "COM(2022) 209 Articles 32 and 49"
	// documented names the document that describes the messages.
	documented = "docs/notices.md"
)
