package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/pdq"
)

func TestRequestSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "content")
		sent := request{id: rapid.Uint64().Draw(t, "id"), kind: kindPreview, length: int64(len(content))}
		columns, rows := rapid.IntRange(1, MaxTiles).Draw(t, "columns"), rapid.IntRange(1, MaxTiles).Draw(t, "rows")
		sent.preview = PreviewRequest{
			Kind: Tile, MaxSide: rapid.IntRange(1, MaxFullSide).Draw(t, "side"),
			Region: Region{rapid.IntRange(0, columns-1).Draw(t, "column"), rapid.IntRange(0, rows-1).Draw(t, "row"), columns, rows},
			Grey:   rapid.Bool().Draw(t, "grey"), Blur: rapid.IntRange(0, MaxBlur).Draw(t, "blur"),
		}
		got, gotContent, err := readRequest(bytes.NewReader(append(sent.header(), content...)), 300, 1<<20)
		if err != nil || got != sent || !bytes.Equal(gotContent, content) {
			t.Fatalf("%+v became %+v, %v", sent, got, err)
		}
	})
}

func TestFingerprintSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := Fingerprint{
			MIME:  rapid.SampledFrom(formats).Draw(t, "format").mime,
			Width: rapid.IntRange(1, 8192).Draw(t, "width"), Height: rapid.IntRange(1, 8192).Draw(t, "height"),
			Detail: rapid.StringMatching(`[ -~]{0,200}`).Draw(t, "detail"), FirstFrameOnly: rapid.Bool().Draw(t, "first"),
			Status: StatusOK,
		}
		draw := func(forms *pdq.Forms, width, height int) {
			for _, form := range []*pdq.Fingerprint{&forms.Full, &forms.Nearest} {
				form.Width, form.Height, form.Quality = width, height, rapid.IntRange(0, 100).Draw(t, "quality")
				for i := range form.Variants {
					copy(form.Variants[i][:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
				}
				form.Hash = form.Variants[pdq.Original]
			}
		}
		draw(&sent.Forms, sent.Width, sent.Height)
		if left := rapid.IntRange(1, sent.Width).Draw(t, "left"); left < sent.Width {
			sent.Trimmed.Rectangle = image.Rect(left, 0, sent.Width, sent.Height)
			draw(&sent.Trimmed.Forms, sent.Width-left, sent.Height)
		}
		if sent.Forms.Full.Quality < pdq.MinimumQuality {
			sent.Status = StatusUnhashable
		} else if rapid.Bool().Draw(t, "partial") {
			sent.Status = StatusPartial
		}
		got, err := parseFingerprint(encodeFingerprint(sent), DefaultMaxPixels)
		if err != nil || got != sent {
			t.Fatalf("%+v became %+v, %v", sent, got, err)
		}
	})
}

func TestLyingFingerprintsAreRefused(t *testing.T) {
	sound := Fingerprint{MIME: "image/png", Width: 10, Height: 10, Forms: pdq.Forms{Full: pdq.Fingerprint{Result: pdq.Result{Quality: 80}}}, Status: StatusOK}
	lies := map[string]func(*Fingerprint){
		"type outside the list":       func(f *Fingerprint) { f.MIME = "image/landscape" },
		"type with parameters":        func(f *Fingerprint) { f.MIME = "text/plain; charset=utf-8" },
		"decoded an undecodable type": func(f *Fingerprint) { f.MIME = "application/pdf" },
		"no type":                     func(f *Fingerprint) { f.MIME = "" },
		"no width":                    func(f *Fingerprint) { f.Width = 0 },
		"more pixels than allowed":    func(f *Fingerprint) { f.Width, f.Height = 1<<20, 1<<20 },
		"ok with low quality":         func(f *Fingerprint) { f.Forms.Full.Quality = pdq.MinimumQuality - 1 },
		"unhashable with quality":     func(f *Fingerprint) { f.Status = StatusUnhashable },
		"quality above 100":           func(f *Fingerprint) { f.Forms.Full.Quality = 101 },
		"says that it crashed":        func(f *Fingerprint) { f.Status = StatusCrashed },
		"says that it timed out":      func(f *Fingerprint) { f.Status = StatusTimedOut },
		"says that it was empty":      func(f *Fingerprint) { f.Status = StatusEmpty },
	}
	if _, err := parseFingerprint(encodeFingerprint(sound), DefaultMaxPixels); err != nil {
		t.Fatal(err)
	}
	for name, lie := range lies {
		told := sound
		lie(&told)
		if _, err := parseFingerprint(encodeFingerprint(told), DefaultMaxPixels); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, lie := range []image.Rectangle{image.Rect(0, 0, 10, 10), image.Rect(2, 2, 11, 10), image.Rect(-1, 0, 5, 5), {Min: image.Pt(5, 5), Max: image.Pt(4, 9)}} {
		told := sound
		told.Trimmed.Rectangle = image.Rect(1, 1, 9, 9)
		payload := encodeFingerprint(told)
		if _, err := parseFingerprint(payload, DefaultMaxPixels); err != nil {
			t.Fatal(err)
		}
		at := len(payload) - hashesSize - 16
		for i, coordinate := range []int{lie.Min.X, lie.Min.Y, lie.Max.X, lie.Max.Y} {
			binary.BigEndian.PutUint32(payload[at+4*i:], uint32(coordinate))
		}
		if _, err := parseFingerprint(payload, DefaultMaxPixels); !errors.Is(err, errMalformed) {
			t.Errorf("a picture at %v without its borders: %v", lie, err)
		}
	}
	payload := encodeFingerprint(sound)
	for _, wrong := range [][]byte{nil, payload[:len(payload)-1], append(slices.Clone(payload), 0), {255}} {
		if _, err := parseFingerprint(wrong, DefaultMaxPixels); !errors.Is(err, errMalformed) {
			t.Errorf("%d bytes: %v", len(wrong), err)
		}
	}
	control := slices.Clone(payload)
	control[1] = 1 // a detail of one byte, which is a control character
	if _, err := parseFingerprint(slices.Insert(control, 2, '\n'), DefaultMaxPixels); !errors.Is(err, errMalformed) {
		t.Errorf("control character: %v", err)
	}
}

func TestLyingPreviewsAreRefused(t *testing.T) {
	asked := PreviewRequest{Kind: Full, MaxSide: 8}
	about := outcome{status: StatusOK, mime: "image/png", width: 100, height: 100}
	sound := samples{width: 8, height: 5, colour: true, bytes: make([]byte, sampleCount(8, 5, true))}
	if _, _, err := parsePreview(encodePreview(about, sound), asked, DefaultMaxPixels); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		about outcome
		lie   samples
		asked PreviewRequest
	}{
		"larger than asked":   {about, samples{9, 5, false, make([]byte, 45)}, asked},
		"no height":           {about, samples{8, 0, false, nil}, asked},
		"too few samples":     {about, samples{8, 5, false, make([]byte, 39)}, asked},
		"too many samples":    {about, samples{8, 5, false, make([]byte, 41)}, asked},
		"colour in a sketch":  {about, sound, PreviewRequest{Kind: Sketch, MaxSide: 8}},
		"colour for grey":     {about, sound, PreviewRequest{Kind: Full, MaxSide: 8, Grey: true}},
		"status of a hash":    {outcome{status: StatusUnhashable, mime: "image/png", width: 1, height: 1}, sound, asked},
		"ok without a format": {outcome{status: StatusOK, mime: "text/plain", width: 1, height: 1}, sound, asked},
	} {
		if _, _, err := parsePreview(encodePreview(test.about, test.lie), test.asked, DefaultMaxPixels); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIncompleteSelfCheckIsRefused(t *testing.T) {
	checks := make([]Check, len(attempts))
	for i, attempt := range attempts {
		checks[i] = Check{Attempt: attempt, Refused: true, Answer: "operation not permitted"}
	}
	if got, err := parseChecks(encodeChecks(checks)); err != nil || !slices.Equal(got, checks) {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := parseChecks(encodeChecks(checks[1:])); !errors.Is(err, errMalformed) {
		t.Errorf("one left out: %v", err)
	}
	checks[3].Attempt = checks[2].Attempt
	if _, err := parseChecks(encodeChecks(checks)); !errors.Is(err, errMalformed) {
		t.Errorf("one twice: %v", err)
	}
}

func TestRepliesOutOfStepAreRefused(t *testing.T) {
	frame := func(id uint64, kind requestKind, payload string) string {
		var buffer bytes.Buffer
		if err := writeReply(&buffer, id, kind, []byte(payload)); err != nil {
			t.Fatal(err)
		}
		return buffer.String()
	}
	if got, err := readReply(strings.NewReader(frame(7, kindPreview, strings.Repeat("x", 200_000))), 7, kindPreview, 200_000); err != nil || len(got) != 200_000 {
		t.Fatalf("%d, %v", len(got), err)
	}
	for name, wrong := range map[string]string{
		"another request": frame(8, kindPreview, ""),
		"another kind":    frame(7, kindFingerprint, ""),
		"too long":        frame(7, kindPreview, strings.Repeat("x", 11)),
		"another magic":   "BRx1" + frame(7, kindPreview, "")[4:],
	} {
		if _, err := readReply(strings.NewReader(wrong), 7, kindPreview, 10); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := frame(7, kindPreview, strings.Repeat("x", 100_000))
	if _, err := readReply(strings.NewReader(long[:90_000]), 7, kindPreview, 100_000); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut short: %v", err)
	}
}

func FuzzReply(f *testing.F) {
	var seed bytes.Buffer
	if err := writeReply(&seed, 1, kindFingerprint, encodeFingerprint(Fingerprint{MIME: "image/png", Width: 3, Height: 4, Forms: pdq.Forms{Full: pdq.Fingerprint{Result: pdq.Result{Quality: 70}}}, Status: StatusOK})); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Bytes())
	asked := PreviewRequest{Kind: Full, MaxSide: 4}
	f.Add(append([]byte(replyMagic+"\x00\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\x40"),
		encodePreview(outcome{status: StatusOK, mime: "image/gif", width: 2, height: 2}, samples{2, 2, true, make([]byte, 6)})...))
	f.Add(encodeScene(sceneOf(asPNG(f, landscape(200, 150)), DefaultMaxPixels)))
	f.Fuzz(func(t *testing.T, frame []byte) {
		payload, err := readReply(bytes.NewReader(frame), 1, kindFingerprint, 64<<10)
		if err != nil {
			payload = frame
		}
		if found, err := parseFingerprint(payload, DefaultMaxPixels); err == nil {
			if !knownType(found.MIME) || found.Forms.Full.Quality > 100 || len(found.Detail) > 255 {
				t.Errorf("accepted %+v", found)
			}
			if !bytes.Equal(encodeFingerprint(found), payload) && len(found.Detail) <= 200 {
				t.Errorf("%x is not canonical", payload)
			}
		}
		if about, rendered, err := parsePreview(payload, asked, DefaultMaxPixels); err == nil && about.status == StatusOK {
			if _, err := rendered.encode(asked.Kind); err != nil {
				t.Errorf("accepted samples that cannot be encoded: %v", err)
			}
		}
		if found, err := parseScene(payload, DefaultMaxPixels); err == nil {
			if again := encodeScene(found); !bytes.Equal(again, payload) && len(found.Detail) <= 200 {
				t.Errorf("%x is not canonical", payload)
			}
		}
		_, _ = parseChecks(payload)
		_, _ = parseEnclosure(payload)
	})
}

func FuzzRequest(f *testing.F) {
	f.Add(request{id: 1, kind: kindFingerprint, length: 3}.header())
	f.Add(request{id: 2, kind: kindPreview, preview: PreviewRequest{Kind: Sketch, MaxSide: 640}, length: 3}.header())
	f.Fuzz(func(t *testing.T, frame []byte) {
		asked, content, err := readRequest(bytes.NewReader(frame), 1<<16, 1<<12)
		if err != nil {
			return
		}
		if int64(len(content)) != asked.length || asked.length > 1<<16 {
			t.Errorf("%d bytes for %+v", len(content), asked)
		}
		if asked.kind == kindPreview && asked.preview.validate() != nil {
			t.Errorf("accepted %+v", asked)
		}
	})
}

// FuzzDecode runs what the child runs, in this process, on whole files.
func FuzzDecode(f *testing.F) {
	picture := landscape(24, 18)
	for _, content := range [][]byte{asJPEG(f, picture), asPNG(f, picture), asGIF(f, picture), asBMP(f, picture), asTIFF(f, picture)} {
		f.Add(content)
	}
	f.Add([]byte("RIFF\x1a\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x03\x00\x00ANMF\x10\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		const limit = 1 << 16
		found := fingerprint(content, kindFingerprint, limit)
		if _, err := parseFingerprint(encodeFingerprint(found), limit); err != nil {
			t.Errorf("%+v: %v", found, err)
		}
		if _, err := parseScene(encodeScene(sceneOf(content, limit)), limit); err != nil {
			t.Errorf("scene: %v", err)
		}
		for _, kind := range []PreviewKind{Sketch, Full} {
			asked := PreviewRequest{Kind: kind, MaxSide: 16}
			about, rendered := preview(content, asked, limit)
			if _, _, err := parsePreview(encodePreview(about, rendered), asked, limit); err != nil {
				t.Errorf("%+v: %v", about, err)
			}
			// Parts of a picture, and files of odd kinds that are hashed without being decoded, may
			// have no preview.
			seen, hashed := about.status == StatusOK, found.Status.Decoded()
			if seen && !hashed || hashed && !seen && found.MIME != "image/jpeg" {
				t.Errorf("preview %s, fingerprint %s", about.status, found.Status)
			}
		}
	})
}

// FuzzMetadata runs the walkers over bytes that no decoder has accepted.
func FuzzMetadata(f *testing.F) {
	f.Add(withExif(asJPEG(f, landscape(8, 8)), binary.LittleEndian, 6))
	f.Add(animatedGIF(f, landscape(8, 8), 2))
	f.Add(asPNG(f, landscape(8, 8)))
	f.Add(asTIFF(f, landscape(8, 8)))
	f.Add(animatedWebP([]byte("RIFF\x16\x00\x00\x00WEBPVP8L\x0a\x00\x00\x00\x2f\x07\xc0\x01\x00\x07\x50\x88\x88\xfe"), 0, 0, 8, 8, 8, 8))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, mime := range []string{"image/jpeg", "image/tiff", "image/png"} {
			if found := orientation(mime, content); found < 1 || found > 8 {
				t.Errorf("orientation %d", found)
			}
		}
		gifHasMore(content)
		pngHasMore(content)
		tiffHasMore(content)
		tiffUnsuitable(content)
		if isWebP(content) {
			webpIsAnimated(content)
			if still, at, ok := webpFrame(content); ok && (len(still) > 2*len(content)+64 || at.Empty()) {
				t.Errorf("a frame of %v in %d bytes", at, len(still))
			}
		}
	})
}
