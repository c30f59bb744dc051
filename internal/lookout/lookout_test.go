package lookout

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/media/mediatest"
	"github.com/brdoproject/brdo/internal/webhost"
)

func TestMain(m *testing.M) { mediatest.Main(m) }

// pattern is a generated picture of tiles; seeds give pictures that are not
// alike.
func pattern(seed uint64, side int) image.Image {
	random := rand.New(rand.NewPCG(seed, 17))
	var shades [64]uint8
	for i := range shades {
		shades[i] = uint8(random.UintN(256))
	}
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			shade := shades[y*5/side*7+x*7/side]
			img.Set(x, y, color.RGBA{shade, shade, uint8(255 * x / side), 255})
		}
	}
	return img
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asJPEG(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipped(t testing.TB, content []byte) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// stand is a lookout before a played internet.
type stand struct {
	*Lookout
	web     *webhost.Web
	proxy   *httptest.Server
	picture []byte
	item    Item
}

func stood(t testing.TB, change func(*Options)) stand {
	t.Helper()
	shared := mediatest.Decoder(t)
	web, err := webhost.New()
	if err != nil {
		t.Fatal(err)
	}
	s := stand{web: web, proxy: httptest.NewServer(web), picture: asPNG(t, pattern(1, 128))}
	t.Cleanup(s.proxy.Close)
	at, err := url.Parse(s.proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Proxy: at, Decoder: shared, Roots: web.Roots()}
	if change != nil {
		change(&o)
	}
	if s.Lookout, err = New(o); err != nil {
		t.Fatal(err)
	}
	sum, err := digest.Reader(bytes.NewReader(s.picture))
	if err != nil {
		t.Fatal(err)
	}
	hash := theHash()
	s.item = Item{SHA256: sum.SHA256Hex(), PDQ: &hash, Radius: 31}
	return s
}

// theHash is that of the item; it is dear under the race detector.
var theHash = sync.OnceValue(func() pdq.Hash { return pdq.FromImage(pattern(1, 128)).Hash })

const address = "http://photos.example/p/17"

func (s stand) look(t testing.TB, at string) Sight {
	t.Helper()
	sight, err := s.Look(t.Context(), at, s.item)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if sight.Reason == "" || sight.Outcome == "" {
		t.Errorf("%s: says nothing: %+v", at, sight)
	}
	return sight
}

// TestWhatServersServe is the table of honest and hostile servers. Each speaks
// over TCP through the proxy.
func TestWhatServersServe(t *testing.T) {
	s := stood(t, func(o *Options) { o.MaxBytes, o.MaxPictureBytes = 1<<20, 300<<10 })
	serve := func(status int, header http.Header, content []byte) http.HandlerFunc {
		return func(answer http.ResponseWriter, _ *http.Request) {
			for name, values := range header {
				answer.Header()[name] = values
			}
			answer.WriteHeader(status)
			_, _ = answer.Write(content)
		}
	}
	coded := func(coding string) http.Header { return http.Header{"Content-Encoding": {coding}} }
	page := []byte("<!doctype html><title>message 17</title><p>Not found.")
	endless := func(answer http.ResponseWriter, request *http.Request) {
		block := make([]byte, 64<<10)
		for request.Context().Err() == nil {
			if _, err := answer.Write(block); err != nil {
				return
			}
		}
	}
	bomb := []byte(zipped(t, make([]byte, 4<<20))) // four times what is read
	other := asPNG(t, pattern(2, 128))
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  Outcome
	}{
		"the item":                            {serve(200, nil, s.picture), Present},
		"the item, named non-authoritative":   {serve(203, nil, s.picture), Present},
		"the item, said to be not found":      {serve(404, nil, s.picture), Present},
		"the item, said to be gone":           {serve(410, nil, s.picture), Present},
		"the item behind an error":            {serve(500, nil, s.picture), Present},
		"the item behind a refusal":           {serve(403, nil, s.picture), Present},
		"the item under another type":         {serve(200, http.Header{"Content-Type": {"text/html"}}, s.picture), Present},
		"the item compressed":                 {serve(200, coded("gzip"), []byte(zipped(t, s.picture))), Present},
		"the item compressed, old name":       {serve(200, coded("X-GZip"), []byte(zipped(t, s.picture))), Present},
		"the item called compressed":          {serve(200, coded("gzip"), s.picture), Unreachable},
		"the item as another file":            {serve(200, nil, asJPEG(t, pattern(1, 128), 90)), Alike},
		"the item, much compressed":           {serve(200, nil, asJPEG(t, pattern(1, 128), 8)), Unknown},
		"the item smaller":                    {serve(200, nil, asJPEG(t, pattern(1, 105), 80)), Alike},
		"the item smaller, said to be gone":   {serve(410, nil, asJPEG(t, pattern(1, 105), 80)), Alike},
		"another picture":                     {serve(200, nil, other), Replaced},
		"another picture, not found":          {serve(404, nil, other), Gone},
		"a picture without features":          {serve(200, nil, asPNG(t, image.NewGray(image.Rect(0, 0, 64, 64)))), Unknown},
		"not found":                           {webhost.Status(404), Gone},
		"gone":                                {webhost.Status(410), Gone},
		"not here for legal reasons":          {webhost.Status(451), Gone},
		"a page that says not found":          {serve(200, nil, page), Unknown},
		"a page that is not found":            {serve(404, nil, page), Gone},
		"nothing":                             {serve(200, nil, nil), Unknown},
		"no content":                          {serve(204, nil, nil), Unknown},
		"a part":                              {serve(206, nil, s.picture[:100]), Unknown},
		"half a picture":                      {serve(200, nil, s.picture[:len(s.picture)/2]), Unknown},
		"a login":                             {webhost.Status(401), Refused},
		"forbidden":                           {webhost.Status(403), Refused},
		"payment":                             {webhost.Status(402), Refused},
		"too many":                            {webhost.Status(429), Unreachable},
		"an error":                            {webhost.Status(500), Unreachable},
		"unavailable":                         {webhost.Status(503), Unreachable},
		"a bad request":                       {webhost.Status(400), Unknown},
		"a teapot":                            {webhost.Status(418), Unknown},
		"a redirect to nowhere":               {webhost.Status(302), Unknown},
		"not modified":                        {serve(304, nil, nil), Unknown},
		"endless":                             {endless, Unknown},
		"endless and not found":               {func(a http.ResponseWriter, r *http.Request) { a.WriteHeader(404); endless(a, r) }, Unknown},
		"says it is endless":                  {webhost.Lying(s.picture, 1<<40), Unknown},
		"says more than it sends":             {webhost.Lying(s.picture, len(s.picture)+1), Unreachable},
		"says less than it sends":             {webhost.Lying(s.picture, 100), Unknown},
		"more than it sends, and not found":   {webhost.Raw("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\n1"), Unreachable},
		"a negative length":                   {webhost.Raw("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n17"), Unreachable},
		"two lengths":                         {webhost.Raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n17"), Unreachable},
		"broken chunks":                       {webhost.Raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n17"), Unreachable},
		"chunks without an end":               {webhost.Raw("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n17\r\n"), Unreachable},
		"no words":                            {webhost.Raw(""), Unreachable},
		"no HTTP":                             {webhost.Raw("220 mail.example ESMTP\r\n"), Unreachable},
		"an old version":                      {webhost.Raw("ICY 200 OK\r\n\r\n17"), Unreachable},
		"a header without an end":             {webhost.Raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 2*maxHeader)), Unreachable},
		"a long header":                       {webhost.Raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: 17\r\n", maxHeader) + "\r\n"), Unreachable},
		"too many early hints":                {webhost.Raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10_000) + "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Unreachable},
		"a status that is none":               {webhost.Raw("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), Unreachable},
		"another protocol":                    {webhost.Raw("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), Unknown},
		"a compressed bomb":                   {serve(200, coded("gzip"), bomb), Unknown},
		"a bomb that is not found":            {serve(404, coded("gzip"), bomb), Unknown},
		"a bomb in a bomb":                    {serve(200, coded("gzip, gzip"), []byte(zipped(t, bomb))), Unknown},
		"a compression not asked for":         {serve(200, coded("br"), s.picture[:50]), Unknown},
		"half of something compressed":        {serve(200, coded("gzip"), []byte(zipped(t, s.picture))[:300]), Unreachable},
		"a picture too long to hold":          {serve(200, nil, append(append([]byte{}, other...), make([]byte, 400<<10)...)), Unknown},
		"the item with something after it":    {serve(200, nil, append(append([]byte{}, s.picture...), '1')), Alike},
		"a picture of enormous size":          {serve(200, nil, enormous(other)), Unknown},
		"another picture that moves":          {serve(200, nil, moving(t)), Unknown},
		"the item after a redirect to itself": {func(a http.ResponseWriter, r *http.Request) { http.Redirect(a, r, address+"?again", http.StatusFound) }, Present},
	} {
		s.web.Handle(address+"?again", serve(200, nil, s.picture))
		s.web.Handle(address, c.serve)
		sight := s.look(t, address)
		if sight.Outcome != c.want {
			t.Errorf("%s: %+v, want %s", name, sight, c.want)
		}
		if sight.Bytes > 1<<20 {
			t.Errorf("%s: %d bytes were read", name, sight.Bytes)
		}
	}
}

// moving is an animation of two patterns, none of which is like the item.
func moving(t testing.TB) []byte {
	t.Helper()
	film := gif.GIF{Delay: []int{10, 10}}
	for seed := range uint64(2) {
		frame := image.NewPaletted(image.Rect(0, 0, 128, 128), palette.Plan9)
		draw.Draw(frame, frame.Rect, pattern(40+seed, 128), image.Point{}, draw.Src)
		film.Image = append(film.Image, frame)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &film); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// enormous changes the sizes in the header of a PNG to what no memory holds.
func enormous(picture []byte) []byte {
	changed := bytes.Clone(picture)
	copy(changed[16:], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})
	return changed
}

func TestOnlyProofCounts(t *testing.T) {
	for _, o := range Outcomes {
		want := map[Outcome]watch.Finding{Gone: watch.Gone, Replaced: watch.Gone, Present: watch.Present}[o]
		if want == "" {
			want = watch.Unknown
		}
		if o.Finding() != want {
			t.Errorf("%s is %s", o, o.Finding())
		}
	}
}

// TestWhatIsKnownOfTheItem: each digest is enough, and without a picture other
// content proves nothing.
func TestWhatIsKnownOfTheItem(t *testing.T) {
	s := stood(t, nil)
	s.web.Put(address, "image/png", func() []byte { return s.picture })
	sum, err := digest.Reader(bytes.NewReader(s.picture))
	if err != nil {
		t.Fatal(err)
	}
	other := asPNG(t, pattern(2, 128))
	for name, c := range map[string]struct {
		item            Item
		itself, another Outcome
	}{
		"SHA-256": {Item{SHA256: sum.SHA256Hex()}, Present, Unknown},
		"SHA-1":   {Item{SHA1: sum.SHA1Hex()}, Present, Unknown},
		"MD5":     {Item{MD5: sum.MD5Hex()}, Present, Unknown},
		"PDQ":     {Item{PDQ: s.item.PDQ, Radius: 31}, Alike, Replaced},
		"nothing": {Item{}, Unknown, Unknown},
		// Whoever orders the removal of nothing finds it nowhere.
		"of nothing": {Item{SHA256: digest.Empty().SHA256Hex()}, Unknown, Unknown},
	} {
		s.web.Put(address, "image/png", func() []byte { return s.picture })
		s.item = c.item
		if sight := s.look(t, address); sight.Outcome != c.itself {
			t.Errorf("%s: the item: %+v", name, sight)
		}
		s.web.Put(address, "image/png", func() []byte { return other })
		if sight := s.look(t, address); sight.Outcome != c.another {
			t.Errorf("%s: another picture: %+v", name, sight)
		}
		s.web.Handle(address, func(http.ResponseWriter, *http.Request) {})
		if sight := s.look(t, address); sight.Outcome != Unknown {
			t.Errorf("%s: nothing: %+v", name, sight)
		}
	}
}

func TestRedirects(t *testing.T) {
	s := stood(t, nil)
	serve := func(at string) { s.web.Put(at, "image/png", func() []byte { return s.picture }) }
	serve("https://cdn.example/17")
	serve("http://photos.example/there")
	serve("http://photos.example/there?a=b")
	for to, want := range map[string]Outcome{
		"https://cdn.example/17": Present, "/there": Present, "there": Present, "//photos.example/there": Present, "?a=b": Gone, "there?a=b#c": Present,
		"http://photos.example/nowhere": Gone, "http://nowhere.example/": Unreachable, "": Unknown,
		"http://127.0.0.1/": Barred, "http://127.0.0.1:" + portOf(s.proxy) + "/": Barred, "http://[::1]/": Barred, "http://2130706433/": Barred, "http://169.254.169.254/latest/meta-data/": Barred,
		"file:///etc/passwd": Barred, "ftp://photos.example/": Barred, "http://user@photos.example/there": Barred, "http://localhost/": Barred, "http://photos.example:22/": Barred,
		"http://photos.example\\@127.0.0.1/": Barred, "javascript:17": Barred, "http://%zz/": Barred,
	} {
		s.web.Redirect("http://photos.example/there-from", to)
		s.web.Redirect("http://photos.example/from", "/there-from")
		sight := s.look(t, "http://photos.example/from")
		if sight.Outcome != want {
			t.Errorf("%q: %+v, want %s", to, sight, want)
		}
	}
	// As many as are allowed, and one more.
	for i := range maxRedirects + 1 {
		s.web.Redirect("http://hops.example/"+strconv.Itoa(i), "/"+strconv.Itoa(i+1))
	}
	serve("http://hops.example/" + strconv.Itoa(maxRedirects+1))
	if sight := s.look(t, "http://hops.example/1"); sight.Outcome != Present || sight.Redirects != maxRedirects {
		t.Errorf("%+v", sight)
	}
	if sight := s.look(t, "http://hops.example/0"); sight.Outcome != Unknown || sight.Redirects != maxRedirects {
		t.Errorf("%+v", sight)
	}
	s.web.Redirect(address, address)
	if sight := s.look(t, address); sight.Outcome != Unknown || s.web.Asked(address) != maxRedirects+1 {
		t.Errorf("%+v, asked %d times", sight, s.web.Asked(address))
	}
}

func portOf(server *httptest.Server) string {
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	return port
}

// TestHostileAddressesAreNotAskedFor: not one byte goes to the proxy.
func TestHostileAddressesAreNotAskedFor(t *testing.T) {
	var asked atomic.Int64
	s := stood(t, nil)
	s.proxy.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for _, text := range hostile {
		if sight := s.look(t, text); sight.Outcome != Barred {
			t.Errorf("%q: %+v", text, sight)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests reached the proxy", asked.Load())
	}
}

// TestEverythingGoesThroughTheProxy: a server that listens where the address
// says is not asked while the proxy does not answer, whatever the environment.
func TestEverythingGoesThroughTheProxy(t *testing.T) {
	t.Setenv("NO_PROXY", "*")
	t.Setenv("no_proxy", "*")
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	s := stood(t, nil)
	s.web.Put(address, "image/png", func() []byte { return s.picture })
	if sight := s.look(t, address); sight.Outcome != Present || s.web.Asked(address) != 1 {
		t.Errorf("%+v", sight)
	}
	s.proxy.Close()
	if sight := s.look(t, address); sight.Outcome != Unreachable {
		t.Errorf("without the proxy: %+v", sight)
	}
	direct := httptest.NewServer(http.NotFoundHandler())
	defer direct.Close()
	transport := s.transport.Clone()
	transport.Proxy = nil
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, direct.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transport.RoundTrip(request); err == nil || !strings.Contains(err.Error(), "past the proxy") {
		t.Errorf("a connection past the proxy: %v", err)
	}
}

// TestNothingIsToldToServers: no cookie, no referer, no name of ours.
func TestNothingIsToldToServers(t *testing.T) {
	s := stood(t, nil)
	var seen []http.Header
	note := func(to string) http.HandlerFunc {
		return func(answer http.ResponseWriter, request *http.Request) {
			seen = append(seen, request.Header.Clone())
			answer.Header().Set("Set-Cookie", "who=17; Domain=photos.example; Path=/")
			if to != "" {
				answer.Header().Set("Location", to)
				answer.WriteHeader(http.StatusTemporaryRedirect)
			}
		}
	}
	s.web.Handle(address, note("/p/18"))
	s.web.Handle("http://photos.example/p/18", note(""))
	s.look(t, address)
	s.look(t, address)
	if len(seen) != 4 {
		t.Fatalf("asked %d times", len(seen))
	}
	for _, header := range seen {
		for name := range header {
			switch name {
			case "User-Agent", "Accept", "Accept-Encoding", "Connection", "Proxy-Connection":
			default:
				t.Errorf("%s: %s was sent", name, header.Get(name))
			}
		}
		if header.Get("User-Agent") != "Mozilla/5.0" || header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%v", header)
		}
	}
}

func TestTLSIsVerified(t *testing.T) {
	const secure = "https://photos.example/p/17"
	s := stood(t, nil)
	s.web.Put(secure, "image/png", func() []byte { return s.picture })
	if sight := s.look(t, secure); sight.Outcome != Present {
		t.Errorf("%+v", sight)
	}
	if sight := s.look(t, "https://nowhere.example/"); sight.Outcome != Unreachable {
		t.Errorf("a host that is not there: %+v", sight)
	}
	stranger := stood(t, func(o *Options) { o.Roots = nil })
	stranger.web.Put(secure, "image/png", func() []byte { return s.picture })
	if sight := stranger.look(t, secure); sight.Outcome != Unreachable || !strings.Contains(sight.Reason, "certificate") {
		t.Errorf("nobody vouches: %+v", sight)
	}
	if stranger.web.Asked(secure) != 0 {
		t.Error("a server that nobody vouches for was asked")
	}
}

func TestPatienceEnds(t *testing.T) {
	s := stood(t, func(o *Options) { o.Patience = 50 * time.Millisecond })
	s.web.Handle(address, webhost.Slow)
	if sight := s.look(t, address); sight.Outcome != Unreachable || !strings.Contains(sight.Reason, "not complete") {
		t.Errorf("%+v", sight)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s = stood(t, nil)
	s.web.Handle(address, func(answer http.ResponseWriter, request *http.Request) { cancel(); webhost.Slow(answer, request) })
	if _, err := s.Look(ctx, address, s.item); !errors.Is(err, context.Canceled) {
		t.Errorf("the node ends: %v", err)
	}
}

// TestLooksWaitForTheirTurn: no more than AtOnce run.
func TestLooksWaitForTheirTurn(t *testing.T) {
	s := stood(t, func(o *Options) { o.AtOnce = 1 })
	inside, release := make(chan struct{}), make(chan struct{})
	s.web.Handle(address, func(http.ResponseWriter, *http.Request) { close(inside); <-release })
	var group sync.WaitGroup
	group.Go(func() { s.look(t, address) })
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Look(ctx, address, s.item); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second look did not wait: %v", err)
	}
	close(release)
	group.Wait()
	if s.web.Asked(address) != 1 {
		t.Errorf("asked %d times", s.web.Asked(address))
	}
}

// TestSOCKS: the proxy resolves the name, also under .onion.
func TestSOCKS(t *testing.T) {
	s := stood(t, nil)
	onion := "http://" + strings.Repeat("b", 56) + ".onion/17"
	s.web.Put(onion, "image/png", func() []byte { return s.picture })
	if sight := s.look(t, onion); sight.Outcome != Barred {
		t.Errorf("without SOCKS: %+v", sight)
	}
	names := make(chan string, 4)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go speakSOCKS(connection, s.proxy.Listener.Addr().String(), names)
		}
	}()
	s.Lookout, err = New(Options{Proxy: &url.URL{Scheme: "socks5", Host: listener.Addr().String()}, Decoder: s.options.Decoder})
	if err != nil {
		t.Fatal(err)
	}
	if sight := s.look(t, onion); sight.Outcome != Present {
		t.Errorf("%+v", sight)
	}
	if name := <-names; name != strings.Repeat("b", 56)+".onion:80" {
		t.Errorf("the proxy was asked for %s", name)
	}
	if sight := s.look(t, "http://refused.example/"); sight.Outcome != Unreachable {
		t.Errorf("%+v", sight)
	}
}

// speakSOCKS is the server's side of RFC 1928, for names only.
func speakSOCKS(connection net.Conn, to string, names chan<- string) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(reader, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	read(int(read(2)[1]))
	_, _ = connection.Write([]byte{5, 0})
	if head := read(4); head[3] != 3 {
		return // no name
	}
	name := string(read(int(read(1)[0])))
	port := read(2)
	if strings.HasPrefix(name, "refused.") {
		_, _ = connection.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	names <- fmt.Sprintf("%s:%d", name, int(port[0])<<8|int(port[1]))
	through, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer through.Close()
	_, _ = connection.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	go func() { _, _ = io.Copy(through, reader) }()
	_, _ = io.Copy(connection, through)
}

func TestProxies(t *testing.T) {
	for text, good := range map[string]bool{
		"http://127.0.0.1:3128": true, "https://proxy.example:443/": true, "socks5://127.0.0.1:9050": true,
		"": false, "127.0.0.1:3128": false, "ftp://proxy.example:21": false, "socks4://proxy.example:1080": false, "http://proxy.example": false, "http://:3128": false, "http://proxy.example:3128/path": false,
		"direct://": false, "http://proxy.example:3128/?a": false,
	} {
		u, err := url.Parse(text)
		if err != nil || text == "" {
			u = nil
		}
		if _, err := New(Options{Proxy: u}); (err == nil) != good || (err != nil && problem.From(err).Field != "egress.proxy") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSeveralItemsAtOneAddress are looked for in one answer: that one is there
// counts more than that the others are not.
func TestSeveralItemsAtOneAddress(t *testing.T) {
	s := stood(t, nil)
	strange := pdq.FromImage(pattern(2, 128)).Hash
	other := Item{SHA256: strings.Repeat("1", 64), PDQ: &strange, Radius: 31}
	unknown := Item{SHA256: strings.Repeat("2", 64)}
	alike := asPNG(t, pattern(1, 128))
	for name, c := range map[string]struct {
		serve []byte
		items []Item
		want  Outcome
	}{
		"the second":              {s.picture, []Item{other, s.item}, Present},
		"the second, alike":       {asJPEG(t, pattern(1, 128), 90), []Item{other, s.item}, Alike},
		"neither":                 {asPNG(t, pattern(3, 128)), []Item{other, s.item}, Replaced},
		"one that cannot be told": {asPNG(t, pattern(3, 128)), []Item{other, unknown, s.item}, Unknown},
		"none is known":           {alike, nil, Unknown},
	} {
		s.web.Put(address, "image/png", func() []byte { return c.serve })
		before := s.web.Asked(address)
		sight, err := s.Look(t.Context(), address, c.items...)
		if err != nil || sight.Outcome != c.want || sight.Reason == "" {
			t.Errorf("%s: %+v, %v, want %s", name, sight, err, c.want)
		}
		if asked := s.web.Asked(address) - before; asked != 1 {
			t.Errorf("%s: asked %d times", name, asked)
		}
	}
}
