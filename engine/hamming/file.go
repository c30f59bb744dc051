package hamming

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Fault is why a file cannot be used.
type Fault string

const (
	// Damaged: the file is not what was written.
	Damaged Fault = "damaged"
	// OtherVersion: the file was written by another version, or on another kind of machine.
	OtherVersion Fault = "of another version"
	// Stale: the file holds other entries than the ones asked for.
	Stale Fault = "stale"
)

// FileError says that a file holds no index that can be used: build it anew.
type FileError struct {
	Path   string
	Fault  Fault
	Detail string
}

func (e *FileError) Error() string {
	return fmt.Sprintf("the index file %s is %s: %s; build the index anew", e.Path, e.Fault, e.Detail)
}

// Digest names a set of entries: SHA-256 of their ids and codes.
type Digest [sha256.Size]byte

// Snapshot is the entries of an index at one moment. It does not change with the
// index, and keeps the memory of that moment.
type Snapshot struct {
	state  *state
	digest func() Digest
}

// Snapshot takes what the index holds now, without copying it.
func (x *Index) Snapshot() *Snapshot {
	now := x.current.Load()
	return &Snapshot{now, sync.OnceValue(now.digest)}
}

// Digest is that of the entries; it does not depend on how they came to be.
func (s *Snapshot) Digest() Digest { return s.digest() }

func (s *state) digest() Digest {
	hash := sha256.New()
	buffer := make([]byte, 0, 36*stride)
	for id, code := range s.alive(0) {
		buffer = binary.LittleEndian.AppendUint32(buffer, id)
		for _, word := range code {
			buffer = binary.LittleEndian.AppendUint64(buffer, word)
		}
		if len(buffer) == cap(buffer) {
			hash.Write(buffer)
			buffer = buffer[:0]
		}
	}
	hash.Write(buffer)
	return Digest(hash.Sum(nil))
}

// A file is a header of one page, each part as it lies in memory and which of its
// rows are dead, what was in no part yet as a part without bands, and the
// checksums (CRC-32C) of each stretch of [sumStretch] bytes between the header and
// them. Numbers are in the order of bytes of the machine, which must be little-endian.
const (
	fileMagic   = "brdo hamming idx"
	fileVersion = 3
	pageSize    = 4096
	sumStretch  = 1 << 20
)

// header is the begin of a file.
type header struct {
	Magic    [16]byte
	Version  uint32
	Parts    uint32
	Size     uint64
	Digest   Digest
	Segments [partLimit + 1]filedSegment
	SumsAt   uint64
	SumsSum  uint32
	// Sum is of what stands before it.
	Sum uint32
}

// filedSegment is a part of a file; the last one is what was in no part.
type filedSegment struct {
	Count                                   uint64
	Design, IDWidth, FirstID, PositionWidth uint32
	Groups, Members                         uint64
	At, Size                                uint64
	Graves, GravesAt                        uint64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// summing writes, and keeps the checksums of stretches.
type summing struct {
	to   io.Writer
	at   int
	sums []uint32
}

func (w *summing) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if w.at%sumStretch == 0 {
			w.sums = append(w.sums, 0)
		}
		n := min(len(rest), sumStretch-w.at%sumStretch)
		last := &w.sums[len(w.sums)-1]
		*last = crc32.Update(*last, castagnoli, rest[:n])
		w.at += n
		rest = rest[n:]
	}
	return w.to.Write(p)
}

// align fills up to a page and returns where the next byte goes in the file.
func (w *summing) align() (at uint64, err error) {
	_, err = w.Write(make([]byte, -w.at&(pageSize-1)))
	return uint64(pageSize + w.at), err
}

// WriteFile writes the snapshot to a file that takes the place of another in one
// step: after a crash there is the old file or the new one. The file holds every
// code; only its owner may read it.
func (s *Snapshot) WriteFile(path string) error {
	if !littleEndian {
		return errors.New("writing the index: this machine keeps the high byte of a word first, which index files do not")
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("writing the index: %w", err)
	}
	if err = errors.Join(s.write(file), file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing the index: %w", errors.Join(err, os.Remove(file.Name())))
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("writing the index: %w", err)
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func (s *Snapshot) write(file *os.File) error {
	if _, err := file.Seek(pageSize, io.SeekStart); err != nil {
		return err
	}
	h := header{Version: fileVersion, Parts: uint32(len(s.state.parts)), Digest: s.Digest()}
	copy(h.Magic[:], fileMagic)
	w := &summing{to: file}
	put := func(i int, p part) (err error) {
		f := &h.Segments[i]
		*f = filedSegment{
			Count: uint64(p.shape.count), Design: p.shape.design, IDWidth: uint32(p.shape.idWidth), FirstID: p.shape.firstID, PositionWidth: uint32(p.shape.positionWidth),
			Groups: uint64(p.shape.groups), Members: uint64(p.shape.members), Size: uint64(p.bytes()),
		}
		if f.At, err = w.align(); err != nil {
			return err
		}
		if _, err := w.Write(p.memory.bytes); err != nil {
			return err
		}
		runtime.KeepAlive(p.memory)
		var graves []byte
		p.dead.each(func(position, number uint32) {
			if number <= s.state.deaths {
				graves = binary.LittleEndian.AppendUint32(graves, position)
				f.Graves++
			}
		})
		if f.GravesAt, err = w.align(); err != nil {
			return err
		}
		_, err = w.Write(graves)
		return err
	}
	for i, p := range s.state.parts {
		if err := put(i, p); err != nil {
			return err
		}
	}
	if err := put(len(s.state.parts), part{s.state.rest(), newGraveyard(0)}); err != nil {
		return err
	}
	at, err := w.align()
	if err != nil {
		return err
	}
	h.SumsAt = at
	sums := make([]byte, 0, 4*len(w.sums))
	for _, sum := range w.sums {
		sums = binary.LittleEndian.AppendUint32(sums, sum)
	}
	if _, err := file.Write(sums); err != nil {
		return err
	}
	h.Size, h.SumsSum = at+uint64(len(sums)), crc32.Checksum(sums, castagnoli)
	_, err = file.WriteAt(h.sealed(), 0)
	return err
}

// sealed is the page of the header with its checksum.
func (h *header) sealed() []byte {
	var page bytes.Buffer
	h.Sum = 0
	_ = binary.Write(&page, binary.LittleEndian, h) // into memory
	end := page.Len() - 4
	h.Sum = crc32.Checksum(page.Bytes()[:end], castagnoli)
	return append(binary.LittleEndian.AppendUint32(page.Bytes()[:end:end], h.Sum), make([]byte, pageSize-page.Len())...)
}

// rest is what is in no part, as a segment without bands.
func (s *state) rest() *segment {
	ids := func(yield func(uint32) bool) {
		for id := range s.alive(len(s.parts)) {
			if !yield(id) {
				return
			}
		}
	}
	b := newBuilder(scanned, shapeOf(ids), &grouping{})
	for id, code := range s.alive(len(s.parts)) {
		b.add(id, code)
	}
	return b.segment
}

// Open makes an index of a file. Where the system can, the file is mapped, and not
// copied; nobody may shorten it meanwhile. All of it is checked first. An error is
// that of reading, which is [os.ErrNotExist] where there is no file, or a [FileError].
// want is the digest that the entries must have.
func Open(path string, want Digest) (*Index, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the index: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the index: %w", err)
	}
	wrong := func(fault Fault, detail string) error { return &FileError{path, fault, detail} }
	page := make([]byte, pageSize)
	if _, err := file.ReadAt(page, 0); errors.Is(err, io.EOF) {
		return nil, wrong(Damaged, "it is too short")
	} else if err != nil {
		return nil, fmt.Errorf("reading the index: %w", err)
	}
	var h header
	if _, err := binary.Decode(page, binary.LittleEndian, &h); err != nil {
		return nil, fmt.Errorf("reading the index: %w", err)
	}
	switch {
	case string(h.Magic[:]) != fileMagic:
		return nil, wrong(Damaged, "it does not begin like an index")
	case h.Version != fileVersion || !littleEndian:
		return nil, wrong(OtherVersion, fmt.Sprintf("version %d, not %d", h.Version, fileVersion))
	case !bytes.Equal(h.sealed(), page):
		return nil, wrong(Damaged, "the checksum of its header is wrong")
	case h.Size != uint64(info.Size()) || h.SumsAt < pageSize || h.SumsAt > h.Size || h.SumsAt%pageSize != 0 || h.Parts > partLimit:
		return nil, wrong(Damaged, fmt.Sprintf("it has %d bytes, not %d", info.Size(), h.Size))
	case h.Digest != want:
		return nil, wrong(Stale, "it was built from other entries")
	}
	m, err := mapFile(file, int(h.Size))
	if err != nil {
		return nil, fmt.Errorf("mapping the index: %w", err)
	}
	if detail := h.checkSums(m.bytes); detail != "" {
		return nil, wrong(Damaged, detail)
	}
	s, detail := h.state(m)
	if detail != "" {
		return nil, wrong(Damaged, detail)
	}
	x := newIndex(s)
	for i, id := range s.delta.ids {
		x.recent[id] = uint32(i)
	}
	return x, nil
}

// checkSums says what is wrong with the bytes between the header and the sums.
func (h *header) checkSums(all []byte) (detail string) {
	sums, body := all[h.SumsAt:], all[pageSize:h.SumsAt]
	stretches := (len(body) + sumStretch - 1) / sumStretch
	if len(sums) != 4*stretches || crc32.Checksum(sums, castagnoli) != h.SumsSum {
		return "the checksum of its checksums is wrong"
	}
	var wrong atomic.Int64
	wrong.Store(-1)
	inParallel(stretches, func(i int) {
		stretch := body[i*sumStretch : min((i+1)*sumStretch, len(body))]
		if crc32.Checksum(stretch, castagnoli) != binary.LittleEndian.Uint32(sums[4*i:]) {
			wrong.Store(int64(pageSize + i*sumStretch))
		}
	})
	if at := wrong.Load(); at >= 0 {
		return fmt.Sprintf("a checksum is wrong in the %d bytes from %d on", sumStretch, at)
	}
	return ""
}

func inParallel(count int, do func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(count, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}

// state makes what searches see of a file whose checksums are right, or says why
// it cannot be what was written.
func (h *header) state(m *memory) (s *state, detail string) {
	s = &state{dead: newGraveyard(0)}
	for i := range h.Segments[:h.Parts+1] {
		f := &h.Segments[i]
		p, detail := f.part(h, m)
		if detail != "" {
			return nil, detail
		}
		s.live += p.len() - p.dead.used
		s.deaths = max(s.deaths, uint32(p.dead.used))
		if i < int(h.Parts) {
			s.parts = append(s.parts, p)
			continue
		}
		if p.dead.used > 0 || len(p.bands) > 0 {
			return nil, "what is in no part has bands"
		}
		for at := range p.len() {
			s.delta.append(p.ids.at(at), p.codes[at])
		}
	}
	return s, ""
}

// part lays a part over the file and checks all that a search relies on.
func (f *filedSegment) part(h *header, m *memory) (p part, detail string) {
	known := slices.IndexFunc(designs, func(d *design) bool { return d.number == f.Design })
	end := h.SumsAt
	inside := func(at, size uint64) bool {
		return at >= pageSize && at%pageSize == 0 && at <= end && size <= end-at
	}
	if known < 0 || !slices.Contains([]uint32{0, 1, 2, 4}, f.IDWidth) || f.PositionWidth != 3 && f.PositionWidth != 4 || !inside(f.At, f.Size) ||
		f.Count > f.Size/32 || f.Count > 1<<32 || f.PositionWidth == 3 && f.Count > wideFrom ||
		f.Groups > groupLimit || f.Groups > 0 && len(designs[known].bands) == 0 || f.Members > f.Count || f.Groups == 0 && f.Members > 0 ||
		f.Graves > f.Count || !inside(f.GravesAt, 4*f.Graves) || f.IDWidth == 0 && uint64(f.FirstID)+f.Count > 1<<32 {
		return part{}, "a part has an impossible shape"
	}
	shape := shape{count: int(f.Count), design: f.Design, idWidth: int(f.IDWidth), firstID: f.FirstID, positionWidth: int(f.PositionWidth), groups: int(f.Groups), members: int(f.Members)}
	if _, size := shape.layout(designs[known], nil); uint64(size) != f.Size {
		return part{}, "a part has not the size of its rows"
	}
	// The part of the memory is kept alive by the whole.
	p = part{shape.over(designs[known], m.within(int(f.At), int(f.Size))), newGraveyard(int(f.Graves))}
	for i := 1; i < p.len(); i++ {
		if p.ids.at(i-1) >= p.ids.at(i) {
			return part{}, "ids do not ascend"
		}
	}
	var wrong atomic.Bool
	inParallel(len(p.bands), func(i int) { wrong.CompareAndSwap(false, !p.soundBand(i)) })
	if wrong.Load() {
		return part{}, "a band does not fit the rows"
	}
	if p.shape.groups > 0 && !p.groups.sound(p.len()) {
		return part{}, "a group does not fit the rows"
	}
	graves := view[uint32](m.bytes, int(f.GravesAt), int(f.Graves))
	for i, position := range graves {
		if int(position) >= p.len() || p.dead.dead(position, 1<<32-1) {
			return part{}, "a dead row is none of the rows"
		}
		p.dead = p.dead.bury(position, uint32(i+1))
	}
	return p, ""
}

// soundBand tells whether the runs of a band follow each other to the last
// posting, and every posting is of a row.
func (s *segment) soundBand(number int) bool {
	b := &s.bands[number]
	if b.offsets[0] != 0 || int(b.offsets[len(b.offsets)-1]) != s.shape.banded() || !slices.IsSorted(b.offsets) {
		return false
	}
	for posting := range uint32(s.shape.banded()) {
		if int(s.position(b, posting)) >= s.len() {
			return false
		}
	}
	return true
}
