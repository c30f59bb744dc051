package hashlist

import "bytes"

// jsonLinesSource reads one JSON object per line, as "brdo hash" prints them.
type jsonLinesSource struct {
	lines *lineReader
	lex   *lexer
	list  []byte
}

func (s *jsonLinesSource) next(r *Reader) error {
	for {
		line, err := s.lines.next()
		if err != nil {
			return err
		}
		if text := bytes.TrimSpace(line); len(text) == 0 || text[0] == '#' {
			continue
		}
		s.lex.reset(line, s.lines.number, s.lines.offset)
		tok, err := s.lex.next()
		if err != nil {
			return err
		}
		if tok != tokenObject {
			return s.lex.fault("", "each line is one JSON object", "begin the line with { and end it with }")
		}
		r.rows.begin(s.lines.number, s.lines.offset)
		for {
			if tok, err = s.lex.next(); err != nil {
				return err
			}
			if tok == tokenObjectEnd {
				break
			}
			f := fieldOf(s.lex.text)
			if f == fieldNone || f == fieldOtherDigest {
				r.ignore(s.lex.text)
			}
			if s.list, err = readMember(r, s.lex, f, s.list); err != nil {
				return err
			}
		}
		return s.lex.finish()
	}
}

// readMember reads the value of a member whose name was just read into the
// row. A list of scalars becomes one text joined by semicolons; list is a
// buffer for that, returned for the next call.
func readMember(r *Reader, lex *lexer, f field, list []byte) ([]byte, error) {
	if f == fieldNone {
		return list, lex.skip()
	}
	lex.member = append(lex.member[:0], lex.text...)
	tok, err := lex.next()
	if err != nil {
		return list, err
	}
	value := lex.text
	switch tok {
	case tokenNull:
		return list, nil
	case tokenString, tokenNumber, tokenTrue, tokenFalse:
	case tokenArray:
		list = list[:0]
		for {
			if tok, err = lex.next(); err != nil {
				return list, err
			}
			if tok == tokenArrayEnd {
				break
			}
			if tok == tokenNull {
				continue
			}
			if tok == tokenArray || tok == tokenObject {
				return list, lex.fault(string(lex.member), "a value is a text, a number, true, false, null or a list of such", "check the exporter")
			}
			if len(list) > 0 {
				list = append(list, ';')
			}
			if list = append(list, lex.text...); len(list) > lex.maxText {
				return list, lex.limit(LimitLine, lex.maxText)
			}
		}
		value = list
	default:
		return list, lex.fault(string(lex.member), "a value is a text, a number, true, false, null or a list of such", "check the exporter")
	}
	if fault := r.rows.set(f, value); fault != nil {
		return list, lex.place(fault, string(lex.member))
	}
	return list, nil
}
