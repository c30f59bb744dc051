package blob

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/brdoproject/brdo/domain/problem"
)

// S3Config says where an S3-compatible store is.
type S3Config struct {
	// Endpoint is host and port, for example "s3.example:9000".
	Endpoint string
	// Insecure uses plain HTTP; for a store on the same host only.
	Insecure bool
	Region   string
	// Bucket must exist; it is never created.
	Bucket string
	// Prefix is put before every key, for example "node-a"; may be empty.
	Prefix string
	// AccessKey and SecretKey are the credentials.
	AccessKey string
	SecretKey string
	// Authorities are the certificate authorities that are trusted to vouch
	// for the endpoint; nil means those of the system.
	Authorities *x509.CertPool
	// PathStyle addresses the bucket in the path, as most own servers need it.
	PathStyle bool
}

// S3 is a [Store] in a bucket of an S3-compatible store. A blob is durable when
// the store has acknowledged it.
type S3 struct {
	client minio.Core
	bucket string
	prefix string
}

// partSize is how much of a blob of unknown size is held in memory at a time;
// S3 allows 10,000 parts, so such a blob may have 160 GB.
const partSize = 16 << 20

// OpenS3 connects to a store and checks that the bucket is there.
func OpenS3(ctx context.Context, config S3Config) (*S3, error) {
	if config.Prefix != "" {
		if err := CheckKey(config.Prefix); err != nil {
			return nil, fmt.Errorf("opening the S3 store: prefix: %w", err)
		}
		config.Prefix += "/"
	}
	lookup := minio.BucketLookupAuto
	if config.PathStyle {
		lookup = minio.BucketLookupPath
	}
	transport, err := minio.DefaultTransport(!config.Insecure)
	if err != nil {
		return nil, fmt.Errorf("opening the S3 store: %w", err)
	}
	if config.Authorities != nil && transport.TLSClientConfig != nil {
		transport.TLSClientConfig.RootCAs = config.Authorities
	}
	client, err := minio.NewCore(config.Endpoint, &minio.Options{
		Creds:        credentials.NewStaticV4(config.AccessKey, config.SecretKey, ""),
		Secure:       !config.Insecure,
		Transport:    transport,
		Region:       config.Region,
		BucketLookup: lookup,
	})
	if err != nil {
		return nil, problem.InvalidField("endpoint", "is not an S3 endpoint", "give host and port, for example s3.example:9000").Because(err)
	}
	exists, err := client.BucketExists(ctx, config.Bucket)
	if err != nil {
		return nil, fmt.Errorf("opening the S3 store: %w", medium(err))
	}
	if !exists {
		return nil, problem.New(problem.NotFound, "there is no bucket "+config.Bucket, "create it, with versioning off, or correct its name")
	}
	return &S3{client: *client, bucket: config.Bucket, prefix: config.Prefix}, nil
}

// Put implements [Store]. A blob of up to 16 MiB goes up in one request that can
// be repeated when the connection breaks, a larger one in parts.
func (s *S3) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	size = max(size, -1)
	if err := s.put(ctx, key, &exactly{r: untilDone{ctx, r}, announced: size}, size); err != nil {
		return fmt.Errorf("storing blob %s: %w", key, medium(err))
	}
	return nil
}

func (s *S3) put(ctx context.Context, key string, source *exactly, size int64) error {
	var head bytes.Buffer
	_, err := io.CopyN(&head, source, partSize)
	if err != nil && err != io.EOF {
		return err
	}
	var body io.Reader = io.MultiReader(&head, source)
	if err == io.EOF {
		body, size = bytes.NewReader(head.Bytes()), int64(head.Len())
	}
	// One thread: the parts of an untold number of uploads share the memory.
	_, err = s.client.Client.PutObject(ctx, s.bucket, s.prefix+key, body, size, minio.PutObjectOptions{
		ContentType: "application/octet-stream", PartSize: partSize, NumThreads: 1,
		// Signed by chunks, an empty body goes out without a length over plain
		// HTTP, which servers refuse.
		DisableContentSha256: size == 0,
	})
	if source.problem != nil {
		return source.problem
	}
	return err
}

// exactly fails unless the reader gives the announced number of bytes. It asks
// for one byte more before it gives out the last one, because an upload of known
// size stops reading, and is complete, when it has that many.
type exactly struct {
	r         io.Reader
	announced int64
	count     int64
	problem   error
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.problem != nil {
		return 0, e.problem
	}
	n, err := e.r.Read(p)
	e.count += int64(n)
	if e.announced < 0 {
		return n, err
	}
	if err == nil && e.count == e.announced {
		var more [1]byte
		var extra int
		for extra == 0 && err == nil {
			extra, err = e.r.Read(more[:])
		}
		e.count += int64(extra)
	}
	switch {
	case err != nil && err != io.EOF:
		e.problem = err
	case e.count > e.announced, err == io.EOF && e.count != e.announced:
		e.problem = wrongSize(e.announced, e.count)
	default:
		return n, err
	}
	return 0, e.problem
}

// Open implements [Store]. Reading asks for ranges of the version that was
// found, so that a replaced blob is an error and never a mixture.
func (s *S3) Open(ctx context.Context, key string) (Content, error) {
	info, err := s.stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &s3Content{ctx: ctx, store: s, key: key, etag: info.ETag, size: info.Size}, nil
}

// Stat implements [Store].
func (s *S3) Stat(ctx context.Context, key string) (Info, error) {
	info, err := s.stat(ctx, key)
	if err != nil {
		return Info{}, err
	}
	return Info{Key: key, Size: info.Size, Modified: info.LastModified}, nil
}

func (s *S3) stat(ctx context.Context, key string) (minio.ObjectInfo, error) {
	if err := CheckKey(key); err != nil {
		return minio.ObjectInfo{}, err
	}
	info, err := s.client.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return minio.ObjectInfo{}, notFound(key, err)
	}
	if err != nil {
		return minio.ObjectInfo{}, fmt.Errorf("describing blob %s: %w", key, medium(err))
	}
	return info, nil
}

// Delete implements [Store].
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	err := s.client.Client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		return fmt.Errorf("deleting blob %s: %w", key, medium(err))
	}
	return nil
}

// List implements [Store].
func (s *S3) List(ctx context.Context, prefix string, visit func(Info) error) error {
	if err := checkCharacters(prefix); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for object := range s.client.Client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
		if object.Err != nil {
			return fmt.Errorf("listing blobs: %w", medium(object.Err))
		}
		info := Info{Key: strings.TrimPrefix(object.Key, s.prefix), Size: object.Size, Modified: object.LastModified}
		if err := visit(info); err != nil {
			return err
		}
	}
	return medium(ctx.Err())
}

// s3Content streams for Read and asks for one range a ReadAt.
type s3Content struct {
	ctx   context.Context
	store *S3
	key   string
	etag  string
	size  int64

	stream io.ReadCloser
	read   int64
}

func (c *s3Content) Size() int64 { return c.size }

func (c *s3Content) Read(p []byte) (int, error) {
	if c.read == c.size {
		return 0, io.EOF
	}
	if c.stream == nil {
		stream, err := c.get(0, c.size)
		if err != nil {
			return 0, err
		}
		c.stream = stream
	}
	n, err := c.stream.Read(p)
	c.read += int64(n)
	if err == io.EOF && c.read != c.size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("reading blob %s: %w", c.key, medium(err))
	}
	return n, err
}

func (c *s3Content) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, problem.InvalidField("offset", "is negative", "")
	}
	if offset >= c.size {
		return 0, io.EOF
	}
	wanted := min(int64(len(p)), c.size-offset)
	if wanted == 0 {
		return 0, nil
	}
	stream, err := c.get(offset, wanted)
	if err != nil {
		return 0, err
	}
	n, err := io.ReadFull(stream, p[:wanted])
	if err = errors.Join(err, stream.Close()); err != nil {
		return n, fmt.Errorf("reading blob %s: %w", c.key, medium(err))
	}
	if wanted < int64(len(p)) {
		return n, io.EOF
	}
	return n, nil
}

func (c *s3Content) get(offset, length int64) (io.ReadCloser, error) {
	var options minio.GetObjectOptions
	err := options.SetMatchETag(c.etag)
	if err == nil {
		err = options.SetRange(offset, offset+length-1)
	}
	if err != nil {
		return nil, fmt.Errorf("reading blob %s: %w", c.key, err)
	}
	stream, info, _, err := c.store.client.GetObject(c.ctx, c.store.bucket, c.store.prefix+c.key, options)
	if err == nil && info.ETag != c.etag { // not every server obeys If-Match
		err = errors.Join(errReplaced, stream.Close())
	}
	switch response := minio.ToErrorResponse(err); {
	case err == nil:
		return stream, nil
	case errors.Is(err, errReplaced), response.StatusCode == http.StatusPreconditionFailed:
		return nil, problem.New(problem.Conflict, "the blob was replaced while it was read", "open it again").Because(err)
	case response.Code == minio.NoSuchKey:
		return nil, notFound(c.key, err)
	}
	return nil, fmt.Errorf("reading blob %s: %w", c.key, medium(err))
}

var errReplaced = errors.New("the entity tag is another one")

func (c *s3Content) Close() error {
	if c.stream == nil {
		return nil
	}
	return c.stream.Close()
}
