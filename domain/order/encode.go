package order

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/brdoproject/brdo/domain/strictjson"
)

// MaxBytes is the largest order or answer that is read.
const MaxBytes = 1 << 20

// Digest is the SHA-256 of exact bytes in hex: what decisions and answers name.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Marshal writes the order as JSON in one line, always the same bytes for the
// same value. These bytes are what is decided on, signed, sent and kept.
func (o Order) Marshal() ([]byte, error) { return encode("order", o) }

// Parse reads an order of at most [MaxBytes]. Unknown keys, keys given twice and
// anything after the end are problems of kind Invalid that name the key. It
// checks the shape only; [Order.Validate] checks the values.
func Parse(data []byte) (Order, error) { return decode[Order](data) }

// Marshal writes the answer, always the same bytes for the same value.
func (a Answer) Marshal() ([]byte, error) { return encode("answer", a) }

// ParseAnswer reads an answer of at most [MaxBytes], as strictly as [Parse].
func ParseAnswer(data []byte) (Answer, error) { return decode[Answer](data) }

// Marshal writes what a user is told, always the same bytes for the same value.
func (u UserInformation) Marshal() ([]byte, error) { return encode("information to the user", u) }

// ParseUserInformation reads what a user is told, as strictly as [Parse].
func ParseUserInformation(data []byte) (UserInformation, error) { return decode[UserInformation](data) }

func encode(what string, value any) ([]byte, error) {
	text, err := strictjson.Encode(value)
	if err != nil {
		return nil, fmt.Errorf("writing the %s: %w", what, err)
	}
	return text, nil
}

func decode[T any](data []byte) (T, error) {
	var value, none T
	if err := strictjson.Decode(data, MaxBytes, &value); err != nil {
		return none, err
	}
	return value, nil
}
