package peer

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"encoding/json"
	"time"

	"filippo.io/age"

	"github.com/go-jose/go-jose/v4"
)

// CountIn lets tests count numbers without envelopes.
var CountIn = countIn

// AskedToWait reads what a busy recipient asks for.
var AskedToWait = askedToWait

// SealLater seals as a later version would, with header fields of its own.
func SealLater(fatal func(...any), keys Keys, to Node, header Header, more map[string]any) []byte {
	must := func(err error) {
		if err != nil {
			fatal(err)
		}
	}
	header.SpecVersion, header.Source, header.ContentType = specVersion, keys.Self.NodeID, "application/jose"
	header.Time = header.Time.UTC().Truncate(time.Millisecond)
	fields := map[string]any{}
	text, err := json.Marshal(header)
	must(err)
	must(json.Unmarshal(text, &fields))
	for name, value := range more {
		fields[name] = value
	}
	content, err := json.Marshal(map[string]any{"header": fields, "message": map[string]string{"text": "message 17"}})
	must(err)
	signer, err := keys.Secrets.EnvelopeSigner(nil)
	must(err)
	signed, err := signer.Sign(content)
	must(err)
	compact, err := signed.CompactSerialize()
	must(err)
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: to.encryption(), KeyID: to.NodeID}, nil)
	must(err)
	sealed, err := encrypter.Encrypt([]byte(compact))
	must(err)
	fields["data"], err = sealed.CompactSerialize()
	must(err)
	text, err = json.Marshal(fields)
	must(err)
	return text
}

// AskSigned sends a signed request and returns the code of the answer.
func AskSigned(p *Post, address, body string) (int, error) {
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Length", fmt.Sprint(len(body)))
	response, err := p.client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// SealTo seals content to the key that a pull names.
func SealTo(w io.Writer, r *http.Request, content []byte) error {
	var request pullRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return err
	}
	to, err := age.ParseRecipients(strings.NewReader(request.SealTo))
	if err != nil {
		return err
	}
	sealing, err := age.Encrypt(w, to...)
	if err != nil {
		return err
	}
	if _, err := sealing.Write(content); err != nil {
		return err
	}
	return sealing.Close()
}

// SignBundle signs any text as a bundle.
func SignBundle(fatal func(...any), keys Keys, content string) []byte {
	text, err := signTyped(keys, bundleType, []byte(content))
	if err != nil {
		fatal(err)
	}
	return []byte(text)
}

// Resign signs another's bundle as one's own.
func Resign(fatal func(...any), p *Post, text []byte) []byte {
	b, err := parseBundle(text)
	if err != nil {
		fatal(err)
	}
	again, err := p.sign(b)
	if err != nil {
		fatal(err)
	}
	return again
}
