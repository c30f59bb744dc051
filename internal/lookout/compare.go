package lookout

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/media"
)

// compare reads what an answer serves, whatever its status says: a server that
// says "not found" and serves the item all the same still serves it.
func (l *Lookout) compare(ctx context.Context, answer *http.Response, items []Item, sight *Sight) error {
	say := func(outcome Outcome, reason string) error {
		sight.Outcome, sight.Reason = outcome, reason
		return nil
	}
	served, err := l.read(answer)
	if err != nil {
		var cannot unread
		if !errors.As(err, &cannot) {
			cannot = unread{Unreachable, "the answer broke off or was unreadable"}
		}
		return say(cannot.outcome, cannot.reason)
	}
	sight.Bytes = served.plain.Size
	if slices.ContainsFunc(items, func(i Item) bool { return i.isExactly(served.plain) || i.isExactly(served.raw) }) {
		return say(Present, "exactly the item is served")
	}
	other, err := l.compareAsPicture(ctx, served, items)
	if err != nil {
		return err
	}
	if other.outcome == Alike {
		sight.Distance = other.distance
		return say(Alike, other.reason)
	}
	switch status := answer.StatusCode; {
	case status == http.StatusNotFound || status == http.StatusGone || status == http.StatusUnavailableForLegalReasons:
		return say(Gone, fmt.Sprintf("the server answers %d", status))
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired || status == http.StatusProxyAuthRequired:
		return say(Refused, fmt.Sprintf("the server or the proxy lets nobody see it (%d)", status))
	case status == http.StatusTooManyRequests || status >= 500:
		return say(Unreachable, fmt.Sprintf("the server or the proxy answers %d", status))
	case status != http.StatusOK && status != http.StatusNonAuthoritativeInfo:
		return say(Unknown, fmt.Sprintf("the server answers %d, which says nothing about the item", status))
	}
	sight.Distance = other.distance
	return say(other.outcome, other.reason)
}

// isExactly reports whether a digest that is known is that of the sum. An empty
// answer is nobody's item.
func (i Item) isExactly(sum digest.Sum) bool {
	if sum.IsEmpty() {
		return false
	}
	return i.SHA256 == sum.SHA256Hex() || i.SHA1 == sum.SHA1Hex() || i.MD5 == sum.MD5Hex()
}

// comparable reports whether anything is known that content can be compared with.
func (i Item) comparable() bool { return i.SHA256 != "" || i.SHA1 != "" || i.MD5 != "" || i.PDQ != nil }

// served is what an answer served. Nothing of it outlives the look.
type served struct {
	// raw is the sum of the bytes as sent, plain after decompression.
	raw, plain digest.Sum
	// content is all of it; nil when it is longer than a picture may be.
	content []byte
}

// unread says why an answer was not read to its end.
type unread struct {
	outcome Outcome
	reason  string
}

func (u unread) Error() string { return u.reason }

// read reads an answer to its end, within the caps.
func (l *Lookout) read(answer *http.Response) (served, error) {
	long := unread{Unknown, fmt.Sprintf("more than %d bytes are served", l.options.MaxBytes)}
	if answer.ContentLength > l.options.MaxBytes {
		return served{}, long
	}
	raw, plain := digest.New(), digest.New()
	wire := io.TeeReader(&capped{answer.Body, l.options.MaxBytes, long}, raw)
	content := wire
	switch coding := strings.ToLower(strings.TrimSpace(strings.Join(answer.Header.Values("Content-Encoding"), ","))); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		unzipped, err := gzip.NewReader(wire)
		if err != nil {
			return served{}, fmt.Errorf("decompressing an answer: %w", err)
		}
		content = unzipped
	default:
		return served{}, unread{Unknown, "the answer is compressed in a way that was not asked for"}
	}
	kept := &keeper{limit: l.options.MaxPictureBytes}
	if _, err := io.Copy(io.MultiWriter(plain, kept), &capped{content, l.options.MaxBytes, long}); err != nil {
		return served{}, fmt.Errorf("reading an answer: %w", err)
	}
	// What follows the compressed part belongs to what was sent.
	if _, err := io.Copy(io.Discard, wire); err != nil {
		return served{}, fmt.Errorf("reading an answer: %w", err)
	}
	return served{raw: raw.Sum(), plain: plain.Sum(), content: kept.content()}, nil
}

// capped fails with an error of ours after a number of bytes, where
// [io.LimitReader] would make a long answer look like a short one.
type capped struct {
	from io.Reader
	left int64
	over error
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.from.Read(p)
	if int64(n) > c.left {
		return 0, c.over
	}
	c.left -= int64(n)
	return n, err
}

// keeper holds what was written while it is no more than limit bytes.
type keeper struct {
	limit int64
	held  bytes.Buffer
	over  bool
}

func (k *keeper) Write(p []byte) (int, error) {
	if k.over || int64(k.held.Len()+len(p)) > k.limit {
		k.over = true
		k.held = bytes.Buffer{}
		return len(p), nil
	}
	return k.held.Write(p)
}

func (k *keeper) content() []byte {
	if k.over {
		return nil
	}
	return k.held.Bytes()
}

// clearly is how many times the radius two pictures differ that are clearly not
// alike. Unrelated pictures differ in about 128 of 256 bits; a copy that was cut
// or much compressed lies between.
const clearly = 2

// likeness is what other content than an item is to it.
type likeness struct {
	outcome Outcome
	reason  string
	// distance in bits, where a picture was compared.
	distance int
}

// compareAsPicture says whether other content than the items is a picture like
// one of them, another picture, or something that cannot be compared.
func (l *Lookout) compareAsPicture(ctx context.Context, s served, items []Item) (counts likeness, err error) {
	if len(items) == 0 {
		items = []Item{{}} // nothing is known of what is looked for
	}
	var picture *media.Fingerprint
	for i, item := range items {
		found, comparable := s.likeness(item)
		if comparable {
			if picture == nil {
				seen, err := l.options.Decoder.Fingerprint(ctx, bytes.NewReader(s.content), s.plain.Size)
				if err != nil {
					return likeness{}, fmt.Errorf("decoding what is served: %w", err)
				}
				picture = &seen
			}
			found = item.likeness(*picture)
		}
		if i == 0 || found.outcome.weight() > counts.outcome.weight() {
			counts = found
		}
	}
	return counts, nil
}

// likeness says why what is served cannot be compared with an item as a picture;
// comparable is true when it can.
func (s served) likeness(item Item) (cannot likeness, comparable bool) {
	switch {
	case !item.comparable():
		cannot.reason = "something is served, and nothing is known of the item that it could be compared with"
	case s.plain.Size == 0:
		cannot.reason = "nothing is served, and the server does not say that it is gone"
	case item.PDQ == nil:
		cannot.reason = "other content is served, and no picture is known that it could be compared with"
	case s.content == nil:
		cannot.reason = "other content is served, too long to be compared as a picture"
	default:
		return likeness{}, true
	}
	cannot.outcome = Unknown
	return cannot, false
}

// likeness compares a picture that is served with the item.
func (i Item) likeness(picture media.Fingerprint) likeness {
	if !picture.Status.Decoded() {
		return likeness{Unknown, "other content is served, which is no picture that can be compared", 0}
	}
	distance := 257
	for _, form := range []*pdq.Fingerprint{&picture.Forms.Full, &picture.Forms.Nearest} {
		for _, variant := range form.Variants {
			distance = min(distance, i.PDQ.Distance(variant))
		}
	}
	switch {
	case distance <= i.Radius:
		return likeness{Alike, fmt.Sprintf("a picture is served that is like the item (%d of 256 bits differ): a person compares", distance), distance}
	case distance <= clearly*i.Radius:
		return likeness{Unknown, fmt.Sprintf("a picture is served that is neither clearly like the item nor clearly another (%d of 256 bits differ)", distance), 0}
	case picture.Forms.Full.Quality < pdq.MinimumQuality:
		return likeness{Unknown, "a picture is served that has too few features to be compared", 0}
	case picture.FirstFrameOnly:
		return likeness{Unknown, "a picture with further pictures inside is served, and only the first can be compared", 0}
	}
	return likeness{Replaced, "another picture is served", distance}
}
