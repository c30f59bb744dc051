package hashlist

import (
	"bytes"
	"strconv"
	"strings"
)

// vicsPlace is where in the document the source stands between two rows.
type vicsPlace uint8

const (
	atStart vicsPlace = iota
	inRoot
	inValue // between the elements of the list of media or cases
	inMedia // between the media of one case
)

// vicsSource reads a VICS document: an object whose member "value" lists media
// (a hash set) or cases with a list "Media" each. Which of the two an element
// is shows by its member "Media", so a missing or late context does no harm.
type vicsSource struct {
	lex      *lexer
	place    vicsPlace
	rooted   bool // the list lies in a root object
	listed   bool // the list was read
	caseID   string
	hashName []byte
	hash     []byte
	list     []byte
}

func (s *vicsSource) next(r *Reader) error {
	for {
		switch s.place {
		case atStart:
			tok, err := s.lex.next()
			if err != nil {
				return err
			}
			switch tok {
			case tokenObject:
				s.place, s.rooted = inRoot, true
			case tokenArray:
				s.place, s.listed = inValue, true
			default:
				return s.lex.fault("", "the document is neither an object nor a list", "check that this is a VICS file")
			}
		case inRoot:
			done, err := s.root(r)
			if err != nil {
				return err
			}
			if done {
				return s.finish()
			}
		case inValue:
			tok, err := s.lex.next()
			if err != nil {
				return err
			}
			switch tok {
			case tokenArrayEnd:
				if !s.rooted {
					return s.finish()
				}
				s.place = inRoot
			case tokenObject:
				r.rows.begin(s.lex.tokenLine, s.lex.tokenOffset)
				s.caseID = ""
				if row, err := s.element(r); err != nil || row {
					return err
				}
			default:
				return s.lex.fault("value", "an element is not an object", "the file is damaged or no VICS file")
			}
		case inMedia:
			tok, err := s.lex.next()
			if err != nil {
				return err
			}
			switch tok {
			case tokenArrayEnd:
				s.place = inValue
				// The rest of the case: a case is no row, even if it names a
				// field that a row also has.
				r.rows.begin(s.lex.tokenLine, s.lex.tokenOffset)
				if _, err := s.members(r, caseObject); err != nil {
					return err
				}
			case tokenObject:
				r.rows.begin(s.lex.tokenLine, s.lex.tokenOffset)
				r.rows.entry.Case = s.caseID
				_, err := s.members(r, mediaObject)
				return err
			default:
				return s.lex.fault("Media", "an element is not an object", "the file is damaged or no VICS file")
			}
		}
	}
}

// finish ends the document; lex.next is io.EOF then.
func (s *vicsSource) finish() error {
	_, err := s.lex.next()
	return err
}

// root reads members of the root object until the list begins, or until the
// object ends (done).
func (s *vicsSource) root(r *Reader) (done bool, err error) {
	for {
		tok, err := s.lex.next()
		if err != nil {
			return false, err
		}
		if tok == tokenObjectEnd {
			if !s.listed {
				return false, s.lex.fault("value", "the document has no list of media or cases", "check that this is a VICS file")
			}
			return true, nil
		}
		switch name := string(plainName(make([]byte, 0, 48), s.lex.text)); name {
		case "value", "media":
			if s.listed {
				return false, s.lex.fault("value", "the list is given twice", "the file is damaged")
			}
			if tok, err = s.lex.next(); err != nil {
				return false, err
			}
			if tok != tokenArray {
				return false, s.lex.fault("value", "it is not a list", "check that this is a VICS file")
			}
			s.place, s.listed = inValue, true
			return false, nil
		case "@odata.context", "odata.metadata", "odata.context", "@odata.metadata":
			if tok, err = s.lex.next(); err != nil {
				return false, err
			}
			if tok != tokenString {
				return false, s.lex.fault(name, "it is not a text", "check that this is a VICS file")
			}
			r.header.takeContext(strings.ToValidUTF8(string(s.lex.text), "\uFFFD"))
		default:
			s.note(r)
			if err := s.lex.skip(); err != nil {
				return false, err
			}
		}
	}
}

// note records a member that is not read, unless it is an OData annotation.
func (s *vicsSource) note(r *Reader) {
	if !bytes.Contains(s.lex.text, []byte("odata.")) {
		r.ignore(s.lex.text)
	}
}

// takeContext reads version, profile and content out of an address such as
// ".../DataModels/2.0.xml/US/$metadata#Cases" or ".../DataModels/1.3.xml#Media".
func (h *Header) takeContext(context string) {
	h.Context = context
	address, content, _ := strings.Cut(context, "#")
	switch {
	case strings.EqualFold(content, "Media"):
		h.Content = "Media"
	case strings.EqualFold(content, "Cases"):
		h.Content = "Cases"
	}
	_, model, found := strings.Cut(address, "DataModels/")
	if !found {
		return
	}
	version, rest, found := strings.Cut(model, ".xml")
	if !found {
		return
	}
	h.Version = version
	if profile, _, found := strings.Cut(strings.TrimPrefix(rest, "/"), "/"); found {
		h.Profile = profile
	}
}

// element reads an element of the root list up to the media of a case, or
// wholly when it is itself a row.
func (s *vicsSource) element(r *Reader) (row bool, err error) {
	isCase, err := s.members(r, eitherObject)
	if err != nil {
		return false, err
	}
	held := r.rows.entry.Kinds != 0 || r.rows.conflict
	if isCase && held && s.place == inMedia {
		return false, s.lex.fault("MD5", "a case carries a digest of its own", "check the exporter")
	}
	if isCase && !held {
		r.header.Cases++
		return false, nil
	}
	return true, nil
}

// object is what the members being read belong to.
type object uint8

const (
	mediaObject object = iota
	caseObject
	eitherObject
)

// members reads members up to the end of the object. Of an object that may be
// a case it stops where the list of media begins, with place then inMedia.
// isCase says that the object was seen to be a case.
func (s *vicsSource) members(r *Reader, what object) (isCase bool, err error) {
	for {
		tok, err := s.lex.next()
		if err != nil {
			return isCase, err
		}
		if tok == tokenObjectEnd {
			if what == eitherObject && r.header.Content == "Cases" && r.rows.entry.Kinds == 0 {
				isCase = true // a case without media
			}
			if series := r.rows.entry.Series; len(series) > 2 && series[0] == '{' && series[len(series)-1] == '}' {
				r.rows.entry.Series = strings.TrimSpace(series[1 : len(series)-1])
			}
			return isCase, nil
		}
		var plain [48]byte
		name := plainName(plain[:0], s.lex.text)
		if what != mediaObject {
			done, err := s.caseMember(r, name, what)
			if err != nil {
				return isCase, err
			}
			switch done {
			case memberOpened:
				s.caseID = bareIdentifier(r.rows.entry.Case)
				s.place = inMedia
				return true, nil
			case memberRead:
				isCase = true
				continue
			}
		}
		switch {
		case what == caseObject:
			if f := fieldOf(s.lex.text); f.isDigest() {
				return isCase, s.lex.fault("MD5", "a case carries a digest of its own", "check the exporter")
			}
			s.note(r)
			err = s.lex.skip()
		case string(name) == "alternativehashes":
			err = s.alternativeHashes(r)
		default:
			f := fieldOf(s.lex.text)
			if f == fieldState {
				f = fieldNone // VICS has no states; a member of that name means something else
			}
			if f == fieldNone || f == fieldOtherDigest {
				s.note(r)
			}
			s.list, err = readMember(r, s.lex, f, s.list)
		}
		if err != nil {
			return isCase, err
		}
	}
}

type memberResult uint8

const (
	memberOther memberResult = iota
	memberRead
	memberOpened
)

// caseMember reads a member that only a case has.
func (s *vicsSource) caseMember(r *Reader, name []byte, what object) (memberResult, error) {
	switch string(name) {
	case "media":
		tok, err := s.lex.next()
		switch {
		case err != nil:
			return memberOther, err
		case tok == tokenNull:
			return memberRead, nil
		case tok != tokenArray:
			return memberOther, s.lex.fault("Media", "it is not a list", "check that this is a VICS file")
		case what == caseObject:
			return memberOther, s.lex.fault("Media", "the case lists its media twice", "the file is damaged")
		}
		return memberOpened, nil
	case "totalmediafiles":
		tok, err := s.lex.next()
		if err != nil {
			return memberOther, err
		}
		if tok == tokenString || tok == tokenNumber {
			if total, err := strconv.ParseInt(string(s.lex.text), 10, 48); err == nil && total >= 0 {
				r.header.DeclaredTotal = max(r.header.DeclaredTotal, 0) + total
			}
			return memberRead, nil
		}
		if tok != tokenNull {
			return memberOther, s.lex.fault("TotalMediaFiles", "it is not a number", "check the exporter")
		}
		return memberRead, nil
	case "sourceapplicationname":
		tok, err := s.lex.next()
		if err != nil {
			return memberOther, err
		}
		if tok == tokenString {
			if r.header.Application == "" {
				r.header.Application = r.rows.clean(s.lex.text)
			}
			return memberRead, nil
		}
		if tok != tokenNull {
			return memberOther, s.lex.fault("SourceApplicationName", "it is not a text", "check the exporter")
		}
		return memberRead, nil
	}
	return memberOther, nil
}

// alternativeHashes reads a list of {HashName, HashValue}; anything else under
// that name (a link, null) is passed over.
func (s *vicsSource) alternativeHashes(r *Reader) error {
	tok, err := s.lex.next()
	if err != nil {
		return err
	}
	switch tok {
	case tokenArray:
	case tokenObject:
		return s.lex.fault("AlternativeHashes", "it is not a list", "check the exporter")
	default:
		return nil
	}
	for {
		if tok, err = s.lex.next(); err != nil {
			return err
		}
		switch tok {
		case tokenArrayEnd:
			return nil
		case tokenObject:
			if err := s.alternativeHash(r); err != nil {
				return err
			}
		default:
			return s.lex.fault("AlternativeHashes", "an element is not an object", "check the exporter")
		}
	}
}

func (s *vicsSource) alternativeHash(r *Reader) error {
	s.hashName, s.hash = s.hashName[:0], s.hash[:0]
	for {
		tok, err := s.lex.next()
		if err != nil {
			return err
		}
		if tok == tokenObjectEnd {
			break
		}
		var target *[]byte
		var plain [48]byte
		switch string(plainName(plain[:0], s.lex.text)) {
		case "hashname":
			target = &s.hashName
		case "hashvalue":
			target = &s.hash
		default: // MD5 here repeats the key of the media
			if err := s.lex.skip(); err != nil {
				return err
			}
			continue
		}
		if tok, err = s.lex.next(); err != nil {
			return err
		}
		switch tok {
		case tokenString, tokenNumber:
			*target = append((*target)[:0], s.lex.text...)
		case tokenNull:
		default:
			return s.lex.fault("AlternativeHashes", "a name or value is not a text", "check the exporter")
		}
	}
	f := fieldOf(s.hashName)
	switch {
	case len(s.hash) == 0:
		return nil
	case !f.isDigest() || f == fieldHash || f == fieldOtherDigest:
		r.rows.unsupported = true
		r.ignore(append([]byte("AlternativeHashes "), s.hashName...))
		return nil
	}
	if fault := r.rows.set(f, s.hash); fault != nil {
		return s.lex.place(fault, "AlternativeHashes "+string(s.hashName))
	}
	return nil
}
