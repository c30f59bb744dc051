package luma

import "bytes"

// scan is the header of a scan (T.81, B.2.3).
type scan struct {
	components []*component
	which      [4]int // their places among the components of the picture
	from, to   int    // places in the zigzag order
	high, low  uint   // approximation: the bit before, and this one
}

func (f *file) readScan(payload []byte) (scan, error) {
	if f.components == nil {
		return scan{}, damaged("a scan comes before the frame header")
	}
	if f.scans++; f.scans > maxScans {
		return scan{}, unsupported("more than %d scans", maxScans)
	}
	if len(payload) < 1 || payload[0] < 1 || payload[0] > 4 || len(payload) < 4+2*int(payload[0]) {
		return scan{}, damaged("a scan header is cut off")
	}
	var s scan
	for i := range int(payload[0]) {
		id, tables := payload[1+2*i], payload[2+2*i]
		var found *component
		for k := range f.components {
			if f.components[k].id == id {
				found, s.which[i] = &f.components[k], k
			}
		}
		for _, other := range s.components {
			if other == found {
				return scan{}, damaged("a scan names a component twice")
			}
		}
		if found == nil || tables>>4 > 3 || tables&15 > 3 {
			return scan{}, damaged("a scan names what there is not")
		}
		found.dc, found.ac, found.mean = f.dc[tables>>4], f.ac[tables&15], 0
		s.components = append(s.components, found)
	}
	rest := payload[1+2*int(payload[0]):]
	s.from, s.to, s.high, s.low = int(rest[0]), int(rest[1]), uint(rest[2]>>4), uint(rest[2]&15)
	if !f.progressive {
		s.from, s.to, s.high, s.low = 0, 63, 0, 0 // what baseline files say here is ignored by all decoders
	}
	if s.from > s.to || s.to > 63 || s.from == 0 && s.to != 0 && f.progressive || s.from > 0 && len(s.components) > 1 || s.low > 13 || s.high > 0 && s.high != s.low+1 {
		return scan{}, damaged("a scan has impossible bounds")
	}
	return s, nil
}

// luma reports whether the scan has the luminance in it.
func (s *scan) luma() bool { return s.which[0] == 0 }

// interval is what lies between two restart markers.
type interval struct {
	from, to int // in the data without stuffing
	// number is that of the restart marker before it, -1: the scan begins.
	number int
}

// entropy returns the data of the scan that begins here, without stuffing and with
// padding, and goes to the marker after it.
func (f *file) entropy(into []byte) ([]byte, []interval) {
	size := len(f.data) - f.at
	if f.progressive { // a scan is a part of it
		from := f.at
		f.pass()
		f.at, size = from, f.at-from
	}
	if cap(into) < size+padding {
		into = make([]byte, 0, size+padding)
	}
	data := into[:0]
	intervals := []interval{{number: -1}}
	for {
		rest := f.data[f.at:]
		until := bytes.IndexByte(rest, 0xff)
		if until < 0 || until+1 >= len(rest) {
			if until >= 0 {
				rest = rest[:until]
			}
			data = append(data, rest...)
			f.at = len(f.data)
			break
		}
		data = append(data, rest[:until]...)
		f.at += until
		next := rest[until+1]
		if next == 0 {
			data = append(data, 0xff)
			f.at += 2
			continue
		}
		if next == 0xff { // fill bytes
			f.at++
			continue
		}
		if next < markerRST0 || next > markerRST7 {
			break
		}
		intervals[len(intervals)-1].to = len(data)
		intervals = append(intervals, interval{from: len(data), number: int(next - markerRST0)})
		f.at += 2
	}
	intervals[len(intervals)-1].to = len(data)
	return append(data, zeros[:]...), intervals
}

// pass goes to the marker after the scan that begins here.
func (f *file) pass() {
	for {
		until := bytes.IndexByte(f.data[f.at:], 0xff)
		if until < 0 || f.at+until+1 >= len(f.data) {
			f.at = len(f.data)
			return
		}
		f.at += until
		if next := f.data[f.at+1]; next != 0 && next != 0xff && (next < markerRST0 || next > markerRST7) {
			return
		}
		f.at++
	}
}

// units calls visit for each interval with the units it holds, from one to before the
// other. Visit returns how many of them it could read. Intervals whose number shows that
// others before them were lost are put where they belong. The result is the
// number of units read.
func (f *file) units(data []byte, intervals []interval, total int, visit func(b bits, end, from, to int) int) int {
	read, lost := 0, 0
	for i, span := range intervals {
		each := total
		if f.restart > 0 {
			each = f.restart
		}
		if i > 0 {
			if f.restart == 0 {
				break // a marker where none can be
			}
			// The number says which of eight this interval is.
			if more := (span.number - (i-1+lost)%8 + 8) % 8; more < 4 {
				lost += more
			}
		}
		from := (i + lost) * each
		if from >= total {
			break
		}
		read += visit(at(span.from), span.to*8, from, min(from+each, total))
	}
	return read
}

var zeros [padding]byte
