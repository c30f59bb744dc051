package hashlist

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"testing"
)

func benchEntries(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		text := fmt.Appendf(nil, "message %d", i)
		entries[i] = Entry{
			Kinds: Kinds(MD5 | SHA1), MD5: md5.Sum(text), SHA1: sha1.Sum(text), SHA256: sha256.Sum256(text),
			Size: int64(i + 1), PDQQuality: -1, Category: strconv.Itoa(i % 6), SourceID: strconv.Itoa(i),
			MIME: "image/jpeg", Series: "SeriesOne", IsDistributed: Yes, DateUpdated: "2025-06-01T10:00:00Z",
		}
	}
	return entries
}

func benchRead(b *testing.B, list []byte, n int) {
	b.SetBytes(int64(len(list)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(bytes.NewReader(list), Options{})
		if err != nil {
			b.Fatal(err)
		}
		rows := 0
		for {
			if _, err = r.Next(); err != nil {
				break
			}
			rows++
		}
		if err != io.EOF || rows != n {
			b.Fatal(rows, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

const benchRows = 20_000

func benchList(b *testing.B, begin func(io.Writer) (Writer, error)) []byte {
	var list bytes.Buffer
	w, err := begin(&list)
	if err != nil {
		b.Fatal(err)
	}
	writeAll(b, w, benchEntries(benchRows))
	return list.Bytes()
}

var (
	plainWriter = func(w io.Writer) (Writer, error) { return NewPlainWriter(w, MD5) }
	csvWriter   = func(w io.Writer) (Writer, error) { return NewCSVWriter(w) }
	vicsWriter  = func(w io.Writer) (Writer, error) { return NewVICSWriter(w, VICSOptions{}) }
)

func BenchmarkReadPlain(b *testing.B) { benchRead(b, benchList(b, plainWriter), benchRows) }
func BenchmarkReadCSV(b *testing.B)   { benchRead(b, benchList(b, csvWriter), benchRows) }
func BenchmarkReadVICS(b *testing.B)  { benchRead(b, benchList(b, vicsWriter), benchRows) }

func BenchmarkReadJSONLines(b *testing.B) {
	var list bytes.Buffer
	for i, e := range benchEntries(benchRows) {
		fmt.Fprintf(&list, `{"path":"a/%d.jpg","size":%d,"mime":"image/jpeg","width":640,"height":480,"md5":"%x","sha1":"%x","sha256":"%x","pdq":"%x","pdq_quality":100,"status":"ok"}`+"\n",
			i, e.Size, e.MD5, e.SHA1, e.SHA256, e.SHA256)
	}
	benchRead(b, list.Bytes(), benchRows)
}

func benchWrite(b *testing.B, begin func(io.Writer) (Writer, error)) {
	entries := benchEntries(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		w, err := begin(io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		writeAll(b, w, entries)
	}
	b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkWritePlain(b *testing.B) { benchWrite(b, plainWriter) }
func BenchmarkWriteCSV(b *testing.B)   { benchWrite(b, csvWriter) }
func BenchmarkWriteVICS(b *testing.B)  { benchWrite(b, vicsWriter) }
