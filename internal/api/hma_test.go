package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// hmaClient speaks to a node as a client of HMA does: it knows a base address, and
// what was put into it as user and password.
type hmaClient struct {
	*nodetest.Node
	token string
}

// ask sends a request and reads JSON of any shape; form is a file in a field.
func (c hmaClient) ask(t testing.TB, method, path string, body []byte, media string) (*http.Response, any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.Server.URL+"/hma"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if c.token != "" {
		r.SetBasicAuth("anybody", c.token)
	}
	r.Header.Set("Content-Type", media)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil && answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %s is no JSON: %s", method, path, answer.Status, text)
	}
	return answer, value
}

// photo is a form with one file for each field.
func photo(t testing.TB, content []byte, fields ...string) (string, []byte) {
	t.Helper()
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	for _, field := range fields {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="picture.png"`, field)}})
		if err == nil {
			_, err = part.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), text.Bytes()
}

// entryNumbers are those of a list's entries, in their order.
func entryNumbers(t testing.TB, n *nodetest.Node, list string) (numbers []string) {
	t.Helper()
	n.Look(t, func(tx *store.Tx) error {
		rows, err := tx.ListEntriesChanged(list, 0, "", 10)
		for _, row := range rows {
			numbers = append(numbers, fmt.Sprint(store.EntryNumber(row.ID)))
		}
		return err
	})
	return numbers
}

// pictureHash is the PDQ of a generated pattern.
func pictureHash(t testing.TB, file []byte) string {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return pdq.FromImage(img).Hash.String()
}

// flat is a picture that is too plain to be compared.
func flat(t testing.TB) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := png.Encode(&text, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// TestHMA asks a whole node what clients of HMA ask, in the order in which ROOST Coop
// does first, and says of each answer what it is and how many events it leaves.
func TestHMA(t *testing.T) {
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		web := nodetest.OpenInternet(t)
		n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database(), Internet: web, MaxBytes: 64 << 10, Configure: func(c *node.Config) {
			c.HMA = node.HMA{Enabled: true, FetchHosts: []string{"photos.example", ".cdn.example"}}
		}})
		centre := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre})
		nodetest.Meet(t, n, centre)
		manager := n.Person("list-manager", mandate.ListManager)
		coop := hmaClient{n, n.NewKey(t, "uploads", mandate.ScopeDetect, mandate.ScopeRead)}
		reader, detector, nobody := hmaClient{n, n.NewKey(t, "", mandate.ScopeRead)}, hmaClient{n, n.Token}, hmaClient{n, ""}

		known, other := nodetest.Picture(1), nodetest.Picture(2)
		hash, otherHash := pictureHash(t, known), pictureHash(t, other)
		sum, err := digest.Reader(bytes.NewReader(known))
		if err != nil {
			t.Fatal(err)
		}
		distant := pdq.Hash{}
		if err := distant.UnmarshalText([]byte(hash)); err != nil {
			t.Fatal(err)
		}
		distant[0] ^= 0b1011 // 3 bits
		put := func(address, kind string, content []byte) string {
			web.Put(address, kind, func() []byte { return content })
			return url.QueryEscape(address)
		}
		picture := put("https://photos.example/1.png", "image/png", known)
		secondPicture := put("https://a.cdn.example/2.png", "image/png", other)
		text := put("https://photos.example/message-17.txt", "text/plain", []byte("message 17"))
		large := put("https://photos.example/large.png", "image/png", make([]byte, 64<<10+1))
		elsewhere := put("https://elsewhere.example/1.png", "image/png", known)
		web.Redirect("https://photos.example/away", "https://elsewhere.example/1.png")
		web.Redirect("https://photos.example/inside", "http://127.0.0.1:8080/")
		away, inside := url.QueryEscape("https://photos.example/away"), url.QueryEscape("https://photos.example/inside")

		type step struct {
			name         string
			who          hmaClient
			method, path string
			body         string
			status       int
			// want is the answer; empty where only a message is expected.
			want   string
			events int64
		}
		json200 := func(s step) {
			t.Helper()
			var before, after int64
			count := func(into *int64) {
				n.Look(t, func(tx *store.Tx) (err error) { *into, err = tx.CountLogEvents(); return err })
			}
			count(&before)
			answer, got := s.who.ask(t, s.method, s.path, []byte(s.body), "application/json")
			count(&after)
			checkAnswer(t, s.name, answer, got, s.status, s.want)
			if after-before != s.events {
				t.Errorf("%s: %d events, want %d", s.name, after-before, s.events)
			}
		}
		const bank = "COOP_EXAMPLE_PATTERNS"
		before := step{"Coop makes a bank that nobody made here", coop, "POST", "/c/banks", `{"name":"` + bank + `","enabled_ratio":"1"}`, 403, "", 1}
		json200(before)
		list := takeIn(t, n, bank, "pdq,md5,category\n"+hash+","+sum.MD5Hex()+",training\n")
		id := entryNumbers(t, n, list)[0]
		follows, err := n.Lists.Create(t.Context(), manager, lists.NewList{
			Name: "3 Lists, of the Centre", Source: "the Centre", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1,
			Follows: lists.Source{Node: centre.Post.Self().NodeID, List: "list/01980000-0000-7000-8000-000000000000"},
		})
		if err != nil {
			t.Fatal(err)
		}
		const exchange = "LIST_3_LISTS_OF_THE_CENTRE"
		on, all := `{"name":"`+bank+`","matching_enabled_ratio":1}`, `[{"name":"`+exchange+`","matching_enabled_ratio":1},{"name":"`+bank+`","matching_enabled_ratio":1}]`
		near := `{"` + bank + `":[{"bank_content_id":` + id + `,"distance":"3"}]}`
		for _, s := range []step{
			// The calls of Coop, in its order.
			{"Coop makes a bank of a list", coop, "POST", "/c/banks", before.body, 201, on, 1},
			{"Coop sees its bank", coop, "GET", "/c/bank/" + bank, "", 200, on, 1},
			{"Coop asks for exchanges", coop, "GET", "/c/exchanges/apis", "", 200, `["brdo","fb_threatexchange","local_file","ncmec","stopncii"]`, 0},
			{"Coop asks what follows", coop, "GET", "/c/exchange/" + bank, "", 404, "", 1},
			{"Coop hashes what was posted", coop, "GET", "/h/hash?url=" + picture, "", 200, `{"pdq":"` + hash + `"}`, 1},
			{"Coop looks it up", coop, "GET", "/m/lookup?signal_type=pdq&signal=" + hash, "", 200, `{"` + bank + `":[{"bank_content_id":` + id + `,"distance":"0"}]}`, 1},
			{"Coop switches its bank off", coop, "PUT", "/c/bank/" + bank, `{"enabled_ratio":0}`, 403, "", 1},
			{"Coop adds what was reported", coop, "POST", "/c/bank/" + bank + "/content?url=" + picture, `{"note":"message 17"}`, 403, "", 1},
			{"Coop deletes its bank", coop, "DELETE", "/c/bank/" + bank, "", 403, "", 1},
			{"nothing came of that", coop, "GET", "/c/bank/" + bank, "", 200, on, 1},

			{"alive", nobody, "GET", "/status/live", "", 200, "", 0},
			{"no key", nobody, "GET", "/c/banks", "", 401, "", 0},
			{"no key, a file", nobody, "POST", "/h/hash", "", 401, "", 0},
			{"no such route", coop, "GET", "/ui/", "", 404, "", 0},
			{"banks", reader, "GET", "/c/banks", "", 200, all, 1},
			{"banks with another key", detector, "GET", "/c/banks", "", 403, "", 1},
			{"no such bank", coop, "GET", "/c/bank/NONE", "", 404, "", 1},
			{"a bank with digits first", coop, "POST", "/c/banks", `{"name":"01_BANK"}`, 400, "", 0},
			{"a bank in small letters", coop, "POST", "/c/banks", `{"name":"my_bank"}`, 400, "", 0},
			{"a bank without a name", coop, "POST", "/c/banks", `{}`, 400, "", 0},
			{"half a bank", coop, "POST", "/c/banks", `{"name":"BANK","enabled_ratio":0.5}`, 400, "", 0},
			{"a bank that is there, switched off", coop, "POST", "/c/banks", `{"name":"` + bank + `","enabled":false}`, 403, "", 1},
			{"no JSON", coop, "POST", "/c/banks", `{`, 400, "", 0},
			{"renaming", coop, "PUT", "/c/bank/" + bank, `{"name":"ANOTHER"}`, 403, "", 1},
			{"changing nothing", coop, "PUT", "/c/bank/" + bank, `{}`, 200, on, 1},
			{"signals", coop, "POST", "/c/bank/" + bank + "/signal", `{"pdq":"` + hash + `"}`, 403, "", 1},
			{"content", reader, "GET", "/c/bank/" + bank + "/content/" + id + "?include_signals=true&include_metadata=false", "", 200,
				`{"id":` + id + `,"disable_until_ts":1,"original_media_uri":null,"bank":` + on + `,"signals":{"pdq":"` + hash + `","video_md5":"` + sum.MD5Hex() + `"}}`, 1},
			{"no such content", reader, "GET", "/c/bank/" + bank + "/content/17", "", 404, "", 1},
			{"content of another bank", reader, "GET", "/c/bank/" + exchange + "/content/" + id, "", 404, "", 1},
			{"content that is no number", reader, "GET", "/c/bank/" + bank + "/content/x", "", 404, "", 1},
			{"suspending content", coop, "PUT", "/c/bank/" + bank + "/content/" + id, `{"disable_until_ts":0}`, 403, "", 1},
			{"deleting content", coop, "DELETE", "/c/bank/" + bank + "/content/" + id, "", 403, "", 1},

			{"exchanges", reader, "GET", "/c/exchanges", "", 200, `["` + exchange + `"]`, 1},
			{"an exchange", reader, "GET", "/c/exchange/" + exchange, "", 200,
				`{"name":"` + exchange + `","api":"brdo","enabled":true,"node":"` + follows.SourceNode + `","list":"` + follows.SourceList + `"}`, 1},
			{"its state", reader, "GET", "/c/exchange/" + exchange + "/status", "", 200,
				`{"checkpoint_ts":null,"running_fetch_start_ts":null,"last_fetch_complete_ts":null,"last_fetch_succeeded":null,"up_to_date":null,"fetched_items":0}`, 1},
			{"no such exchange", reader, "GET", "/c/exchange/NONE/status", "", 404, "", 1},
			{"a new exchange", coop, "POST", "/c/exchanges", `{"bank":"NEW","api":"ncmec","api_json":{}}`, 403, "", 1},
			{"switching an exchange", coop, "PUT", "/c/exchange/" + exchange, `{"enabled":false}`, 403, "", 1},
			{"deleting an exchange", coop, "DELETE", "/c/exchange/" + exchange, "", 403, "", 1},
			{"an API", coop, "GET", "/c/exchanges/api/brdo", "", 200, `{"supports_authentification":false,"has_set_authentification":false}`, 0},
			{"its schema", coop, "GET", "/c/exchanges/api/brdo/schema", "", 200, `{"config_schema":{"fields":[]},"credentials_schema":null}`, 0},
			{"another API", coop, "GET", "/c/exchanges/api/techagainstterrorism/schema", "", 404, "", 0},
			{"credentials", coop, "POST", "/c/exchanges/api/brdo", `{"credential_json":{"user":"message 17"}}`, 403, "", 1},
			{"types of signals", coop, "GET", "/c/signal_type", "", 200, `[{"name":"pdq","enabled_ratio":1},{"name":"video_md5","enabled_ratio":1}]`, 0},
			{"switching a type", coop, "PUT", "/c/signal_type/pdq", `{"enabled_ratio":0}`, 403, "", 1},
			{"types of content", coop, "GET", "/c/content_type", "", 200, `[{"name":"photo","enabled":true},{"name":"video","enabled":true}]`, 0},
			{"the index", reader, "GET", "/m/index/status?signal_type=pdq", "", 200, fmt.Sprintf(`{"pdq":{"present":true,"built_to":%d,"size":1}}`, n.Clock.Now().Unix()), 1},
			{"another index", reader, "GET", "/m/index/status?signal_type=tmk", "", 400, "", 1},
			{"the index by type", reader, "GET", "/c/signal_type/index?signal_type=video_md5", "", 200,
				fmt.Sprintf(`{"video_md5":{"db_size":1,"index_size":1,"index_out_of_date":false,"newest_db_item":%[1]d,"index_built_to":%[1]d}}`, n.Clock.Now().Unix()), 1},

			{"near", detector, "GET", "/m/lookup?signal_type=pdq&signal=" + distant.String(), "", 200, near, 1},
			{"in a bank", detector, "GET", "/m/lookup?signal_type=pdq&banks=A," + bank + "&signal=" + distant.String(), "", 200, near, 1},
			{"in another bank", detector, "GET", "/m/lookup?signal_type=pdq&banks=NONE&signal=" + distant.String(), "", 200, `{}`, 1},
			{"unknown", detector, "GET", "/m/lookup?signal_type=pdq&seed=1&signal=" + otherHash, "", 200, `{}`, 1},
			{"by MD5", detector, "GET", "/m/lookup?signal_type=video_md5&signal=" + strings.ToUpper(sum.MD5Hex()), "", 200, `{"` + bank + `":[{"bank_content_id":` + id + `,"distance":"-"}]}`, 1},
			{"no signal", detector, "GET", "/m/lookup?signal_type=pdq", "", 400, "", 0},
			{"a wrong signal", detector, "GET", "/m/lookup?signal_type=pdq&signal=12", "", 400, "", 0},
			{"another type", detector, "GET", "/m/lookup?signal_type=tmk&signal=12", "", 400, "", 0},
			{"with another key", reader, "GET", "/m/lookup?signal_type=pdq&signal=" + hash, "", 403, "", 1},
			{"raw", detector, "GET", "/m/raw_lookup?signal_type=pdq&signal=" + distant.String(), "", 200, `{"matches":[` + id + `]}`, 1},
			{"raw, with distances", detector, "GET", "/m/raw_lookup?signal_type=pdq&include_distance=true&signal=" + distant.String(), "", 200, `{"matches":[{"bank_content_id":` + id + `,"distance":"3"}]}`, 1},
			{"raw, nothing", detector, "GET", "/m/raw_lookup?signal_type=pdq&signal=" + otherHash, "", 200, `{"matches":[]}`, 1},
			{"comparing", detector, "POST", "/m/compare", `{"pdq":["` + hash + `","` + distant.String() + `"]}`, 200, `{"pdq":[true,{"distance":3}]}`, 0},

			{"by address", detector, "GET", "/m/lookup?url=" + secondPicture, "", 200, `{"pdq":{}}`, 1},
			{"by address, one type", detector, "GET", "/m/lookup?signal_type=pdq&url=" + picture, "", 200, `{"` + bank + `":[{"bank_content_id":` + id + `,"distance":"0"}]}`, 1},
			{"a text", detector, "GET", "/h/hash?url=" + text, "", 400, "", 0},
			{"a text as a photo", detector, "GET", "/h/hash?content_type=photo&url=" + text, "", 400, "", 1},
			{"a text as a video", detector, "GET", "/h/hash?content_type=video&types=video_md5&url=" + text, "", 200, `{"video_md5":"` + md5Of(t, "message 17") + `"}`, 1},
			{"a text as a sound", detector, "GET", "/h/hash?content_type=sound&url=" + text, "", 400, "", 0},
			{"too large", detector, "GET", "/h/hash?url=" + large, "", 413, "", 0},
			{"a host that is not allowed", detector, "GET", "/h/hash?url=" + elsewhere, "", 400, "", 0},
			{"sent on to a host that is not allowed", detector, "GET", "/h/hash?url=" + away, "", 400, "", 0},
			{"sent on into the network", detector, "GET", "/h/hash?url=" + inside, "", 400, "", 0},
			{"an address in the network", detector, "GET", "/h/hash?url=http%3A%2F%2F127.0.0.1%3A8080%2F", "", 400, "", 0},
			{"a file of the machine", detector, "GET", "/h/hash?url=file%3A%2F%2F%2Fetc%2Fhosts", "", 400, "", 0},
			{"no address", detector, "GET", "/h/hash", "", 400, "", 0},
			{"an address with another key", reader, "GET", "/h/hash?url=" + picture, "", 403, "", 1},
		} {
			json200(s)
		}
		if web.Asked("https://elsewhere.example/1.png") != 0 {
			t.Error("a host that is not allowed was asked")
		}

		for _, s := range []struct {
			name, path string
			who        hmaClient
			content    []byte
			fields     []string
			status     int
			want       string
		}{
			{"a photo", "/h/hash", coop, known, []string{"photo"}, 200, `{"pdq":"` + hash + `"}`},
			{"a video", "/h/hash", coop, known, []string{"video"}, 200, `{"video_md5":"` + sum.MD5Hex() + `"}`},
			{"a plain photo", "/h/hash", coop, flat(t), []string{"photo"}, 200, `{"pdq":""}`},
			{"looking a photo up", "/m/lookup", coop, known, []string{"photo"}, 200, `{"pdq":{"` + bank + `":[{"bank_content_id":` + id + `,"distance":"0"}]}}`},
			{"looking a video up", "/m/lookup", coop, known, []string{"video"}, 200, `{"video_md5":{"` + bank + `":[{"bank_content_id":` + id + `,"distance":"-"}]}}`},
			{"looking a plain photo up", "/m/lookup", coop, flat(t), []string{"photo"}, 200, `{"pdq":{}}`},
			{"a type that is not of photos", "/h/hash?types=video_md5", coop, known, []string{"photo"}, 400, ""},
			{"no type", "/h/hash?types=,", coop, known, []string{"photo"}, 400, ""},
			{"another field", "/h/hash", coop, known, []string{"file"}, 400, ""},
			{"two photos", "/h/hash", coop, known, []string{"photo", "photo"}, 400, ""},
			{"no photo", "/h/hash", coop, known, nil, 400, ""},
			{"no picture", "/h/hash", coop, []byte("message 17"), []string{"photo"}, 400, ""},
			{"a large photo", "/m/lookup", coop, make([]byte, 64<<10+1), []string{"photo"}, 413, ""},
			{"with another key", "/m/lookup", reader, known, []string{"photo"}, 403, ""},
		} {
			media, body := photo(t, s.content, s.fields...)
			answer, got := s.who.ask(t, "POST", s.path, body, media)
			checkAnswer(t, s.name, answer, got, s.status, s.want)
			if plain := answer.Header.Get("Brdo-Unhashable") != ""; plain != (s.name == "looking a plain photo up") {
				t.Errorf("%s: Brdo-Unhashable %q", s.name, answer.Header.Get("Brdo-Unhashable"))
			}
		}
		// What was looked up with its content waits for a person; what was only hashed does not.
		n.Look(t, func(tx *store.Tx) error {
			rows, err := tx.SightingsAfter("", "", 10)
			if len(rows) != 3 || rows[0].ItemID != sum.SHA256Hex() {
				t.Errorf("%d sightings: %+v", len(rows), rows)
			}
			return err
		})

		if err := n.Lists.SetState(t.Context(), manager, list, store.ListSuspended, "a test"); err != nil {
			t.Fatal(err)
		}
		if err := n.Lists.Load(context.Background()); err != nil {
			t.Fatal(err)
		}
		json200(step{"a suspended bank", coop, "GET", "/c/bank/" + bank, "", 200, strings.Replace(on, ":1}", ":0}", 1), 1})
		json200(step{"a suspended bank finds nothing", coop, "GET", "/m/lookup?signal_type=pdq&signal=" + hash, "", 200, `{}`, 1})
		n.Clock.Set(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
		asked := web.Asked("https://photos.example/1.png")
		json200(step{"hashing after the basis ended", coop, "GET", "/h/hash?url=" + picture, "", 403, "", 1})
		json200(step{"looking up after the basis ended", coop, "GET", "/m/lookup?signal_type=pdq&signal=" + hash, "", 403, "", 1})
		media, body := photo(t, known, "photo")
		answer, got := coop.ask(t, "POST", "/m/lookup", body, media)
		checkAnswer(t, "a file after the basis ended", answer, got, 403, "")
		if web.Asked("https://photos.example/1.png") != asked {
			t.Error("an address was fetched without a legal basis")
		}
	})
}

func md5Of(t testing.TB, text string) string {
	t.Helper()
	sum, err := digest.Reader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return sum.MD5Hex()
}

// checkAnswer compares an answer with what it should be; a refusal has a message and
// nothing else.
func checkAnswer(t testing.TB, name string, answer *http.Response, got any, status int, want string) {
	t.Helper()
	if answer.StatusCode != status {
		t.Errorf("%s: %s: %v", name, answer.Status, got)
		return
	}
	if want == "" {
		said, _ := got.(map[string]any)
		if message, _ := said["message"].(string); status >= 400 && (len(said) != 1 || message == "") {
			t.Errorf("%s: it is no message: %v", name, got)
		}
		return
	}
	var value any
	if err := json.Unmarshal([]byte(want), &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if a, b := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", value); a != b {
		t.Errorf("%s: got %v, want %v", name, got, value)
	}
}
