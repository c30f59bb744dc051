package blob

import (
	"bytes"
	"errors"
	"io"

	"filippo.io/age"

	"github.com/brdoproject/brdo/domain/problem"
)

// plaintext is the decrypted content of an item. Read streams the body, ReadAt
// decrypts the 64 KiB chunks that it needs.
type plaintext struct {
	at      io.ReaderAt
	size    int64
	header  []byte
	fileKey []byte
	body    Content
	stream  io.Reader
}

func (p *plaintext) Size() int64 { return p.size }

func (p *plaintext) Read(buffer []byte) (int, error) {
	if p.stream == nil {
		stream, err := age.Decrypt(io.MultiReader(bytes.NewReader(p.header), p.body), age.NewInjectedFileKeyIdentity(p.fileKey))
		if err != nil {
			return 0, asDamage(err)
		}
		p.stream = stream
	}
	n, err := p.stream.Read(buffer)
	return n, asDamage(err)
}

func (p *plaintext) ReadAt(buffer []byte, offset int64) (int, error) {
	if offset >= p.size && len(buffer) > 0 {
		return 0, io.EOF
	}
	n, err := p.at.ReadAt(buffer, offset)
	return n, asDamage(err)
}

func (p *plaintext) Close() error {
	clear(p.fileKey)
	return p.body.Close()
}

// joined is an age file whose header and body are apart.
type joined struct {
	header []byte
	body   Content
}

func (j joined) ReadAt(p []byte, offset int64) (int, error) {
	read := 0
	if length := int64(len(j.header)); offset < length {
		read = copy(p, j.header[offset:])
		if read == len(p) {
			return read, nil
		}
		offset = length
	}
	n, err := j.body.ReadAt(p[read:], offset-int64(len(j.header)))
	return read + n, err
}

// asDamage keeps the end of the content and failures of the store apart from
// all else that decryption can say, which is that the body is not what was
// sealed.
func asDamage(err error) error {
	var known *problem.Error
	if err == nil || err == io.EOF || errors.As(err, &known) {
		return err
	}
	return damaged("its body is not what was sealed", err)
}

func damaged(what string, cause error) error {
	return problem.New(problem.Internal, "the content is damaged: "+what,
		"restore the body from a backup of the data; the key is still there").Because(cause)
}
