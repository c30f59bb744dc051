package match

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/brdoproject/brdo/engine/hamming"
)

// The files of a saved index, in a folder of their own: the near hashes, mapped when
// they are opened, the frames of videos, and everything else.
const (
	codesFile   = "codes"
	videosFile  = "videos"
	entriesFile = "entries"
)

// The file of entries is its magic and version, a record for each row, of several
// records of a row the last one counting, what is said of the whole as JSON, and a
// footer with a CRC-32C of all before it.
const (
	entriesMagic   = "brdo match index"
	entriesVersion = 3
	headerSize     = len(entriesMagic) + 4
	recordSize     = 112
	footerSize     = 8 + 8 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// whole is what a file says besides its rows.
type whole struct {
	// Count is the highest number of a row.
	Count uint32
	// Lists stand under their numbers; a list that was removed is null.
	Lists []*List
	Words [][2]string
	Odd   map[uint32]string
	// Codes is the digest of the near hashes, Videos that of the file of videos.
	Codes, Videos []byte
}

func (r *row) record(number uint32, to []byte) []byte {
	to = binary.LittleEndian.AppendUint32(to, number)
	to = append(to, r.sha256[:]...)
	to = append(to, r.sha1[:]...)
	to = append(to, r.md5[:]...)
	to = append(to, r.id[:]...)
	for _, n := range [...]uint32{r.list, r.words, r.next[0], r.next[1], r.next[2]} {
		to = binary.LittleEndian.AppendUint32(to, n)
	}
	return append(to, r.has, 0, byte(r.inset), byte(r.inset>>8))
}

func (r *row) read(record []byte) {
	take := func(n int) []byte {
		part := record[:n]
		record = record[n:]
		return part
	}
	take(4)
	copy(r.sha256[:], take(32))
	copy(r.sha1[:], take(20))
	copy(r.md5[:], take(16))
	copy(r.id[:], take(16))
	for _, n := range [...]*uint32{&r.list, &r.words, &r.next[0], &r.next[1], &r.next[2]} {
		*n = binary.LittleEndian.Uint32(take(4))
	}
	r.has, r.inset = record[0], binary.LittleEndian.Uint16(record[2:])
}

// Unsaved is how many changes of entries no file holds.
func (x *Index) Unsaved() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.rows.changes - x.saved
}

// Gather lays near hashes that came one after the other beside each other, so that queries take less; they go on
// meanwhile. It takes about as long as making the index.
func (x *Index) Gather() {
	x.codes.Gather()
	x.videos.codes.Gather()
}

// Save writes the index into a folder, so that [Open] need not read every entry of
// every list again. Queries and changes go on meanwhile; what is written is the index
// as it stands at one moment before Save returns. The files hold every digest; only
// their owner may read them.
func (x *Index) Save(folder string) (err error) {
	x.saving.Lock()
	defer x.saving.Unlock()
	doing := func(err error) error { return fmt.Errorf("saving the match index: %w", err) }
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return doing(err)
	}
	if err := sweep(folder); err != nil {
		return doing(err)
	}
	file, err := os.CreateTemp(folder, entriesFile+".new-*")
	if err != nil {
		return doing(err)
	}
	videos, err := os.CreateTemp(folder, videosFile+".new-*")
	if err != nil {
		return doing(errors.Join(err, file.Close()))
	}
	codes, changes, err := x.write(file, videos)
	if err = errors.Join(err, file.Sync(), file.Close(), videos.Sync(), videos.Close()); err == nil {
		// From here to the last renaming the three do not belong together, which Open sees.
		err = codes.WriteFile(filepath.Join(folder, codesFile))
	}
	if err == nil {
		err = os.Rename(videos.Name(), filepath.Join(folder, videosFile))
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(folder, entriesFile))
	}
	if err != nil {
		return doing(errors.Join(err, sweep(folder)))
	}
	x.mu.Lock()
	x.saved = changes
	x.mu.Unlock()
	in, err := os.Open(folder)
	if err != nil {
		return doing(err)
	}
	if err := errors.Join(in.Sync(), in.Close()); err != nil {
		return doing(err)
	}
	return nil
}

// sweep removes what a process left that ended while it saved.
func sweep(folder string) error {
	left, err := filepath.Glob(filepath.Join(folder, "*.new-*"))
	for _, path := range left {
		if failed := os.Remove(path); !errors.Is(failed, os.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// write writes the files of entries and of videos and returns the near hashes that belong
// to them, and how many changes there had been.
func (x *Index) write(to, videos io.Writer) (codes *hamming.Snapshot, changes int, err error) {
	sum := crc32.New(castagnoli)
	out := bufio.NewWriterSize(io.MultiWriter(to, sum), 1<<20)
	_, _ = out.WriteString(entriesMagic) // Flush returns its error, as for all that follows
	_, _ = out.Write(binary.LittleEndian.AppendUint32(nil, entriesVersion))

	// Rows that change while others are written are written again.
	x.mu.Lock()
	x.rows.touched = map[uint32]struct{}{}
	count := x.rows.count
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		x.rows.touched = nil
		x.mu.Unlock()
	}()
	records, buffer := uint64(0), make([]byte, 0, chunkRows*recordSize)
	flush := func() {
		records += uint64(len(buffer) / recordSize)
		_, _ = out.Write(buffer)
		buffer = buffer[:0]
	}
	some := func(numbers func(yield func(uint32) bool)) {
		x.mu.RLock()
		for number := range numbers {
			buffer = x.rows.at(number).record(number, buffer)
		}
		x.mu.RUnlock()
		flush()
	}
	for from := uint32(1); from <= count; from += chunkRows {
		some(func(yield func(uint32) bool) {
			for number := from; number <= count && number < from+chunkRows && yield(number); number++ {
			}
		})
	}
	for range 8 { // so that little is left for the moment that counts
		x.mu.Lock()
		touched := x.rows.touched
		if len(touched) < chunkRows {
			x.mu.Unlock()
			break
		}
		x.rows.touched = map[uint32]struct{}{}
		x.mu.Unlock()
		for numbers := range slices.Chunk(slices.Collect(maps.Keys(touched)), chunkRows) {
			some(slices.Values(numbers))
		}
	}
	x.mu.RLock()
	for number := range x.rows.touched {
		buffer = x.rows.at(number).record(number, buffer)
	}
	w := whole{Count: x.rows.count, Odd: maps.Clone(x.rows.odd)}
	for _, l := range x.rows.lists {
		if l != nil {
			one := *l
			l = &one
		}
		w.Lists = append(w.Lists, l)
	}
	for _, said := range x.rows.words {
		w.Words = append(w.Words, [2]string{said.category, said.verification})
	}
	codes, changes = x.codes.Snapshot(), x.rows.changes
	films := maps.Clone(x.videos.of)
	x.mu.RUnlock()
	flush()
	digest := codes.Digest()
	w.Codes = digest[:]
	if w.Videos, err = writeVideos(videos, films); err != nil {
		return nil, 0, err
	}
	text, err := json.Marshal(w)
	if err != nil {
		return nil, 0, err
	}
	_, _ = out.Write(text)
	_, _ = out.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, records), uint64(len(text))))
	if err := out.Flush(); err != nil {
		return nil, 0, err
	}
	_, err = to.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return codes, changes, err
}

// Open makes an index of what [Index.Save] wrote. Every byte is checked first. An
// error is that of reading, [os.ErrNotExist] where nothing was saved, or a
// [hamming.FileError]: then fill an index anew.
func Open(folder string) (*Index, error) {
	path := filepath.Join(folder, entriesFile)
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the match index: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the match index: %w", err)
	}
	wrong := func(fault hamming.Fault, detail string) error {
		return &hamming.FileError{Path: path, Fault: fault, Detail: detail}
	}
	if info.Size() < int64(headerSize+footerSize) {
		return nil, wrong(hamming.Damaged, "it is too short")
	}
	start := make([]byte, headerSize)
	if _, err := file.ReadAt(start, 0); err != nil {
		return nil, fmt.Errorf("reading the match index: %w", err)
	}
	version := binary.LittleEndian.Uint32(start[len(entriesMagic):])
	if string(start[:len(entriesMagic)]) != entriesMagic {
		return nil, wrong(hamming.Damaged, "it does not begin like an index")
	}
	if version != entriesVersion {
		return nil, wrong(hamming.OtherVersion, fmt.Sprintf("version %d, not %d", version, entriesVersion))
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, info.Size()-4)); err != nil {
		return nil, fmt.Errorf("reading the match index: %w", err)
	}
	footer := make([]byte, footerSize)
	if _, err := file.ReadAt(footer, info.Size()-int64(footerSize)); err != nil {
		return nil, fmt.Errorf("reading the match index: %w", err)
	}
	if sum.Sum32() != binary.LittleEndian.Uint32(footer[16:]) {
		return nil, wrong(hamming.Damaged, "its checksum is wrong")
	}
	x, w, err := readEntries(file, info.Size(), binary.LittleEndian.Uint64(footer), binary.LittleEndian.Uint64(footer[8:]))
	unlikely := impossible("")
	if errors.As(err, &unlikely) {
		return nil, wrong(hamming.Damaged, unlikely.Error())
	}
	if err != nil {
		return nil, fmt.Errorf("reading the match index: %w", err)
	}
	if len(w.Codes) != len(hamming.Digest{}) {
		return nil, wrong(hamming.Damaged, "it names no near hashes")
	}
	if x.codes, err = hamming.Open(filepath.Join(folder, codesFile), hamming.Digest(w.Codes)); errors.Is(err, os.ErrNotExist) {
		return nil, wrong(hamming.Damaged, "the file of near hashes beside it is missing")
	} else if err != nil {
		return nil, err
	}
	if x.codes.Len() != x.rows.hashed {
		return nil, wrong(hamming.Damaged, "it has not as many near hashes as the file beside it")
	}
	if err := x.openVideos(filepath.Join(folder, videosFile), w.Videos); errors.As(err, &unlikely) {
		return nil, wrong(hamming.Damaged, unlikely.Error())
	} else if err != nil {
		return nil, fmt.Errorf("reading the match index: %w", err)
	}
	return x, nil
}

// impossible is why a file whose checksum is right cannot have been written here.
type impossible string

func (i impossible) Error() string { return string(i) }

func readEntries(file io.ReaderAt, size int64, records, text uint64) (*Index, whole, error) {
	var w whole
	room := uint64(size) - uint64(headerSize+footerSize)
	if text > room || records != (room-text)/recordSize || (room-text)%recordSize != 0 {
		return nil, w, impossible("its lengths do not add up")
	}
	said := make([]byte, text)
	if _, err := file.ReadAt(said, size-int64(footerSize)-int64(text)); err != nil {
		return nil, w, err
	}
	if err := json.Unmarshal(said, &w); err != nil {
		return nil, w, impossible("what it says of the whole cannot be read")
	}
	if uint64(w.Count) > records {
		return nil, w, impossible("rows are missing")
	}
	x := New()
	s := x.rows
	s.count, s.lists = w.Count, w.Lists
	for range (w.Count + chunkRows - 1) / chunkRows {
		s.chunks = append(s.chunks, make([]row, chunkRows))
	}
	in := bufio.NewReaderSize(io.NewSectionReader(file, int64(headerSize), int64(records*recordSize)), 1<<20)
	record := make([]byte, recordSize)
	for range records {
		if _, err := io.ReadFull(in, record); err != nil {
			return nil, w, err
		}
		number := binary.LittleEndian.Uint32(record)
		if number == 0 || number > w.Count {
			return nil, w, impossible("a row has an impossible number")
		}
		s.at(number).read(record)
	}
	for number, l := range w.Lists {
		if l == nil {
			continue
		}
		if _, twice := x.lists[l.ID]; twice {
			return nil, w, impossible("a list occurs twice")
		}
		x.lists[l.ID] = uint32(number)
	}
	return x, w, s.restore(w)
}

// restore makes what follows from the rows: counts, words and tables.
func (s *rows) restore(w whole) error {
	for _, said := range w.Words {
		s.words = append(s.words, struct {
			words
			uses int
		}{words: words{said[0], said[1]}})
	}
	for number := s.count; number > 0; number-- {
		r := s.at(number)
		if r.has == 1<<isInset {
			entry := r.words
			if entry == 0 || entry > s.count || !s.at(entry).is(isLive) || s.at(entry).list != r.list || r.inset == 0 {
				return impossible("a row is an inset of no entry")
			}
			s.insets[entry] = append(s.insets[entry], number)
			s.hashed++
			s.parts++
			continue
		}
		if !r.is(isLive) {
			*r = row{}
			s.free = append(s.free, number)
			continue
		}
		if int(r.list) >= len(s.lists) || s.lists[r.list] == nil || int(r.words) >= len(s.words) {
			return impossible("a row has no list")
		}
		if r.is(isOdd) {
			odd, found := w.Odd[number]
			if !found {
				return impossible("a row has no name")
			}
			s.odd[number] = strings.Clone(odd)
		}
		if r.is(hasPDQ) {
			s.hashed++
		}
		s.words[r.words].uses++
		s.live++
	}
	for number := range s.words {
		if said := &s.words[number]; said.uses > 0 {
			s.known[said.words] = uint32(number)
		} else {
			said.words = words{}
			s.freeWords = append(s.freeWords, uint32(number))
		}
	}
	var tables sync.WaitGroup
	var wrong atomic.Bool
	for kind := range exactKinds {
		tables.Go(func() {
			if !s.restoreExact(kind) {
				wrong.Store(true)
			}
		})
	}
	tables.Go(func() {
		s.ids.grow(s.live)
		for number := uint32(1); number <= s.count; number++ {
			if s.at(number).is(isLive) {
				s.ids.insert(s.hashOfName(number), number, s.hashOfName)
			}
		}
	})
	tables.Wait()
	if wrong.Load() {
		return impossible("rows of one digest do not follow each other")
	}
	return nil
}

// restoreExact files the first row of each digest, and tells whether the other rows of
// it follow that one.
func (s *rows) restoreExact(kind int) bool {
	follows := make([]uint64, s.count/64+1)
	total, heads := 0, 0
	for number := uint32(1); number <= s.count; number++ {
		r := s.at(number)
		next := r.next[kind]
		switch {
		case !r.is(kind) && next == 0:
			continue
		case !r.is(kind), next > s.count, next != 0 && !s.at(next).is(kind), follows[next/64]>>(next%64)&1 == 1 && next != 0:
			return false
		}
		follows[next/64] |= 1 << (next % 64)
		total++
		if next == 0 {
			heads++
		}
	}
	table := &s.exact[kind]
	table.grow(heads)
	hashOf := s.hashOf(kind)
	for number := uint32(1); number <= s.count; number++ {
		r := s.at(number)
		if !r.is(kind) || follows[number/64]>>(number%64)&1 == 1 {
			continue
		}
		if s.head(kind, r.digest(kind)) != 0 {
			return false
		}
		table.insert(maphash.Bytes(s.seed, r.digest(kind)), number, hashOf)
		for at := number; at != 0; at = s.at(at).next[kind] {
			if at != number && !bytes.Equal(s.at(at).digest(kind), r.digest(kind)) {
				return false
			}
			total--
		}
	}
	return total == 0
}
