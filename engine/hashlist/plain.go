package hashlist

import "bytes"

type plainShape uint8

const (
	plainNone plainShape = iota
	// plainDigest is "digest", "digest  name", "digest *name".
	plainDigest
	// plainTagged is "MD5 (name) = digest".
	plainTagged
)

// plainLine is a line taken apart; the slices are views.
type plainLine struct {
	shape  plainShape
	field  field
	digest []byte
	// column of the digest, from 0.
	column  int
	name    []byte
	note    []byte
	escaped bool
}

// parsePlain takes a trimmed line of plain digests or of a *sum tool apart.
// The shape is plainNone when it is neither.
func parsePlain(line []byte) plainLine {
	if p, ok := parseTagged(line); ok {
		return p
	}
	p := plainLine{shape: plainDigest, field: fieldHash}
	rest := line
	if rest[0] == '\\' { // GNU coreutils marks a line whose name is escaped
		p.escaped, p.column, rest = true, 1, rest[1:]
	}
	end := bytes.IndexAny(rest, " \t")
	if end < 0 {
		end = len(rest)
	}
	p.digest = rest[:end]
	if kind, unsupported := kindOfLength(end, SHA256); kind == 0 && !unsupported || !isHex(p.digest) {
		return plainLine{}
	}
	rest = rest[end:]
	switch after := bytes.TrimLeft(rest, " \t"); {
	case len(after) == 0:
	case after[0] == '#':
		p.note = bytes.TrimLeft(after, "# \t")
	case after[0] == '*' && len(rest)-len(after) == 1: // binary mode of *sum
		p.name = after[1:]
	default:
		p.name = after
	}
	return p
}

// parseTagged reads the BSD style "MD5 (name) = digest" and the OpenSSL style
// "MD5(name)= digest".
func parseTagged(line []byte) (plainLine, bool) {
	open := bytes.IndexByte(line, '(')
	shut := bytes.LastIndexByte(line, ')')
	if open <= 0 || open > 16 || shut < open {
		return plainLine{}, false
	}
	f := fieldOf(bytes.TrimSpace(line[:open]))
	if !f.isDigest() || f == fieldHash {
		return plainLine{}, false
	}
	after := bytes.TrimSpace(line[shut+1:])
	if len(after) == 0 || after[0] != '=' {
		return plainLine{}, false
	}
	digest := bytes.TrimSpace(after[1:])
	return plainLine{
		shape: plainTagged, field: f, digest: digest,
		column: len(line) - len(digest), name: line[open+1 : shut],
	}, true
}

type plainSource struct {
	lines *lineReader
	plain []byte
	// lengths holds the lengths of the digests so far, bit n for 8n digits.
	lengths uint64
}

func (s *plainSource) next(r *Reader) error {
	for {
		line, err := s.lines.next()
		if err != nil {
			return err
		}
		text := bytes.TrimSpace(line)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		indent := len(line) - len(bytes.TrimLeft(line, " \t"))
		p := parsePlain(text)
		if p.shape == plainNone {
			return s.lines.fault(fault(
				"this is not a digest of 32 (MD5), 40 (SHA-1) or 64 (SHA-256 or PDQ) hexadecimal digits",
				"the line may be cut off; begin a comment with #",
			), indent+1)
		}
		r.rows.begin(s.lines.number, s.lines.offset)
		if fault := r.rows.set(p.field, p.digest); fault != nil {
			fault.Field = "digest"
			return s.lines.fault(fault, indent+p.column+1)
		}
		length := uint64(1) << min(len(p.digest)/8, 63)
		if s.lines.open && s.lengths != 0 && s.lengths&length == 0 {
			// A digest of SHA-1 that is cut off after 32 digits looks like MD5.
			return s.lines.fault(fault(
				"the last line has no end, and its digest is of another length than all before",
				"the file may be cut off; if it is not, end the last line",
			), indent+p.column+1)
		}
		s.lengths |= length
		name := p.name
		if p.escaped {
			s.plain = unescapeName(s.plain[:0], name)
			name = s.plain
		}
		// A row begins without path and note, so neither can be given twice.
		_ = r.rows.set(fieldPath, name)
		_ = r.rows.set(fieldNote, p.note)
		return nil
	}
}

// unescapeName undoes the escapes of GNU coreutils: \\, \n and \r.
func unescapeName(dst, name []byte) []byte {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '\\' && i+1 < len(name) {
			switch name[i+1] {
			case '\\':
				i++
			case 'n':
				c = '\n'
				i++
			case 'r':
				c = '\r'
				i++
			}
		}
		dst = append(dst, c)
	}
	return dst
}
