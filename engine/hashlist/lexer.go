package hashlist

import (
	"bytes"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// token is a token of JSON (RFC 8259). Commas and colons are checked, not
// returned.
type token uint8

const (
	tokenNone token = iota
	tokenObject
	tokenObjectEnd
	tokenArray
	tokenArrayEnd
	// tokenKey and tokenString leave their text, unescaped, in lexer.text.
	tokenKey
	tokenString
	// tokenNumber, tokenTrue, tokenFalse and tokenNull leave their print there.
	tokenNumber
	tokenTrue
	tokenFalse
	tokenNull
)

type lexState uint8

const (
	wantValue lexState = iota
	wantValueOrEnd
	wantKeyOrEnd
	wantKey
	wantCommaOrEnd
	wantNothing
)

const maxNumber = 64

// lexer reads JSON token by token in constant memory. The decoder of
// encoding/json would hold a whole string or run of white space before it can
// be capped, and knows no line numbers.
type lexer struct {
	input    io.Reader // nil when buffer holds everything
	buffer   []byte
	pos, end int
	// base is the input offset of buffer[0].
	base      int64
	line      int64
	lineStart int64
	maxText   int
	maxDepth  int
	state     lexState
	stack     []token

	// text is valid until the next call.
	text  []byte
	spill []byte
	// member is the name of the member that readMember is at.
	member []byte
	// tokenLine and tokenOffset are where the token last returned starts.
	tokenLine, tokenLineStart, tokenOffset int64
}

// newLexer reads from input, whose next byte is at offset.
func newLexer(input io.Reader, offset int64, maxText, maxDepth int) *lexer {
	l := &lexer{input: input, base: offset, line: 1, lineStart: offset, maxText: maxText, maxDepth: maxDepth}
	if input != nil {
		l.buffer = make([]byte, window)
	}
	return l
}

// reset starts over with a document that is wholly in memory.
func (l *lexer) reset(document []byte, line, offset int64) {
	l.buffer, l.pos, l.end = document, 0, len(document)
	l.base, l.line, l.lineStart = offset, line, offset
	l.state, l.stack = wantValue, l.stack[:0]
}

func (l *lexer) depth() int { return len(l.stack) }

// fill loads more input once all of the buffer is used.
func (l *lexer) fill() error {
	if l.input == nil {
		return io.EOF
	}
	l.base += int64(l.end)
	l.pos, l.end = 0, 0
	for range 100 {
		n, err := l.input.Read(l.buffer)
		if n > 0 {
			l.end = n
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// space skips white space and returns the next byte without using it up.
func (l *lexer) space() (byte, error) {
	for {
		for l.pos < l.end {
			switch c := l.buffer[l.pos]; c {
			case ' ', '\t', '\r':
			case '\n':
				l.line++
				l.lineStart = l.base + int64(l.pos) + 1
			default:
				return c, nil
			}
			l.pos++
		}
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
}

// take uses up one byte; the end of input is a fault here.
func (l *lexer) take() (byte, error) {
	if l.pos == l.end {
		if err := l.fill(); err != nil {
			return 0, l.early(err)
		}
	}
	c := l.buffer[l.pos]
	l.pos++
	return c, nil
}

func (l *lexer) early(err error) error {
	if err != io.EOF {
		return err
	}
	return l.here("", "the document ends before it is complete", "the file is cut off: fetch it again")
}

// here is a fault at the next byte.
func (l *lexer) here(field, reason, remedy string) *SyntaxError {
	offset := l.base + int64(l.pos)
	return &SyntaxError{
		Line: l.line, Column: offset - l.lineStart + 1, Offset: offset,
		Field: field, Reason: reason, Remedy: remedy,
	}
}

// fault is a fault at the token last returned.
func (l *lexer) fault(field, reason, remedy string) *SyntaxError {
	return l.place(&SyntaxError{Reason: reason, Remedy: remedy}, field)
}

func (l *lexer) place(fault *SyntaxError, field string) *SyntaxError {
	if len(field) > 64 {
		field = field[:64]
	}
	fault.Field = field
	fault.Line, fault.Offset = l.tokenLine, l.tokenOffset
	fault.Column = l.tokenOffset - l.tokenLineStart + 1
	return fault
}

func (l *lexer) limit(limit Limit, max int) error {
	return &LimitError{Limit: limit, Max: int64(max), Line: l.tokenLine, Offset: l.tokenOffset}
}

// next returns the next token, [io.EOF] after a complete document.
func (l *lexer) next() (token, error) {
	c, err := l.space()
	if err != nil {
		if err == io.EOF && l.state == wantNothing {
			return tokenNone, io.EOF
		}
		return tokenNone, l.early(err)
	}
	if l.state == wantCommaOrEnd && c == ',' {
		l.pos++
		if l.stack[len(l.stack)-1] == tokenObject {
			l.state = wantKey
		} else {
			l.state = wantValue
		}
		if c, err = l.space(); err != nil {
			return tokenNone, l.early(err)
		}
	}
	l.tokenLine, l.tokenLineStart, l.tokenOffset = l.line, l.lineStart, l.base+int64(l.pos)
	switch l.state {
	case wantNothing:
		return tokenNone, l.here("", "something follows the end of the document", "a file holds one document: split it")
	case wantCommaOrEnd:
		return l.close(c)
	case wantValueOrEnd:
		if c == ']' {
			return l.close(c)
		}
	case wantKeyOrEnd, wantKey:
		if c == '}' && l.state == wantKeyOrEnd {
			return l.close(c)
		}
		return l.key(c)
	}
	return l.value(c)
}

// finish checks that nothing follows the document.
func (l *lexer) finish() error {
	if _, err := l.next(); err != io.EOF {
		return err
	}
	return nil
}

func (l *lexer) close(c byte) (token, error) {
	innermost := l.stack[len(l.stack)-1]
	var tok token
	switch {
	case c == '}' && innermost == tokenObject:
		tok = tokenObjectEnd
	case c == ']' && innermost == tokenArray:
		tok = tokenArrayEnd
	default:
		return tokenNone, l.here("", "a comma or the end of the object or list is missing", "the file is damaged or not JSON")
	}
	l.pos++
	l.stack = l.stack[:len(l.stack)-1]
	l.settle()
	return tok, nil
}

// settle sets what may follow a complete value.
func (l *lexer) settle() {
	if len(l.stack) == 0 {
		l.state = wantNothing
	} else {
		l.state = wantCommaOrEnd
	}
}

func (l *lexer) key(c byte) (token, error) {
	if c != '"' {
		return tokenNone, l.here("", "the name of a member is missing", "the file is damaged or not JSON")
	}
	l.pos++
	if err := l.str(); err != nil {
		return tokenNone, err
	}
	// The colon may lie beyond the buffer that text is a view into.
	if l.pos == l.end || l.buffer[l.pos] != ':' {
		l.spill = append(l.spill[:0], l.text...)
		l.text = l.spill
		c, err := l.space()
		if err != nil {
			return tokenNone, l.early(err)
		}
		if c != ':' {
			return tokenNone, l.here("", "the colon after the name of a member is missing", "the file is damaged or not JSON")
		}
	}
	l.pos++
	l.state = wantValue
	return tokenKey, nil
}

func (l *lexer) value(c byte) (token, error) {
	switch c {
	case '{', '[':
		if len(l.stack) >= l.maxDepth {
			return tokenNone, l.limit(LimitDepth, l.maxDepth)
		}
		l.pos++
		if c == '{' {
			l.stack, l.state = append(l.stack, tokenObject), wantKeyOrEnd
			return tokenObject, nil
		}
		l.stack, l.state = append(l.stack, tokenArray), wantValueOrEnd
		return tokenArray, nil
	case '"':
		l.pos++
		if err := l.str(); err != nil {
			return tokenNone, err
		}
		l.settle()
		return tokenString, nil
	case 't':
		return l.literal(tokenTrue, "true")
	case 'f':
		return l.literal(tokenFalse, "false")
	case 'n':
		return l.literal(tokenNull, "null")
	}
	if c == '-' || '0' <= c && c <= '9' {
		return l.number()
	}
	return tokenNone, l.here("", "a value is missing", "the file is damaged or not JSON")
}

func (l *lexer) literal(tok token, print string) (token, error) {
	for i := range len(print) {
		c, err := l.take()
		if err != nil {
			return tokenNone, err
		}
		if c != print[i] {
			return tokenNone, l.fault("", "a value is neither text, number, true, false nor null", "the file is damaged or not JSON")
		}
	}
	l.text = append(l.spill[:0], print...)
	l.spill = l.text
	l.settle()
	return tok, nil
}

func (l *lexer) number() (token, error) {
	l.spill = l.spill[:0]
	for {
		if l.pos == l.end {
			if err := l.fill(); err == io.EOF {
				break
			} else if err != nil {
				return tokenNone, err
			}
		}
		c := l.buffer[l.pos]
		if !('0' <= c && c <= '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			break
		}
		if len(l.spill) == maxNumber {
			return tokenNone, l.fault("", "a number has more than "+strconv.Itoa(maxNumber)+" characters", "the file is damaged or not a hash list")
		}
		l.spill = append(l.spill, c)
		l.pos++
	}
	l.text = l.spill
	if !isNumber(l.text) {
		return tokenNone, l.fault("", "a number is not written as JSON wants it", "the file is damaged or not JSON")
	}
	l.settle()
	return tokenNumber, nil
}

// isNumber checks the grammar of RFC 8259, section 6.
func isNumber(text []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(text) && '0' <= text[n] && text[n] <= '9' {
			n++
		}
		text = text[n:]
		return n > 0
	}
	text = bytes.TrimPrefix(text, []byte{'-'})
	if len(text) > 1 && text[0] == '0' && '0' <= text[1] && text[1] <= '9' {
		return false
	}
	if !digits() {
		return false
	}
	if len(text) > 0 && text[0] == '.' {
		if text = text[1:]; !digits() {
			return false
		}
	}
	if len(text) > 0 && (text[0] == 'e' || text[0] == 'E') {
		text = text[1:]
		if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
			text = text[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(text) == 0
}

// str reads a string whose opening quotation mark is used up into text.
func (l *lexer) str() error {
	l.spill = l.spill[:0]
	high := rune(0) // a first surrogate that waits for its second
	flush := func() {
		if high != 0 {
			l.spill = utf8.AppendRune(l.spill, utf8.RuneError)
			high = 0
		}
	}
	for {
		if l.pos == l.end {
			if err := l.fill(); err != nil {
				return l.early(err)
			}
		}
		chunk := l.buffer[l.pos:l.end]
		n := 0
		for n < len(chunk) && chunk[n] != '"' && chunk[n] != '\\' && chunk[n] >= 0x20 {
			n++
		}
		if len(l.spill)+n > l.maxText {
			return l.limit(LimitLine, l.maxText)
		}
		if n > 0 {
			flush()
		}
		l.pos += n
		if n == len(chunk) {
			l.spill = append(l.spill, chunk...)
			continue
		}
		switch chunk[n] {
		case '"':
			flush()
			l.pos++
			if len(l.spill) == 0 {
				l.text = chunk[:n]
				return nil
			}
			l.spill = append(l.spill, chunk[:n]...)
			l.text = l.spill
			return nil
		case '\\':
			l.spill = append(l.spill, chunk[:n]...)
			l.pos++
			var err error
			if high, err = l.escape(high); err != nil {
				return err
			}
		default:
			return l.here("", "a control character stands in a text", "the file is damaged: a line end in a text is written \\n")
		}
	}
}

// escape reads what follows a backslash and appends it to spill. high is the
// surrogate that waits before it; the one that waits after it is returned.
func (l *lexer) escape(high rune) (rune, error) {
	c, err := l.take()
	if err != nil {
		return 0, err
	}
	if c == 'u' {
		var code rune
		for range 4 {
			digit, err := l.take()
			if err != nil {
				return 0, err
			}
			value := hexValue(digit)
			if value < 0 {
				return 0, l.here("", "\\u is followed by four hexadecimal digits", "the file is damaged or not JSON")
			}
			code = code<<4 | value
		}
		if high != 0 {
			if pair := utf16.DecodeRune(high, code); pair != utf8.RuneError {
				l.spill = utf8.AppendRune(l.spill, pair)
				return 0, nil
			}
			l.spill = utf8.AppendRune(l.spill, utf8.RuneError)
		}
		if 0xD800 <= code && code < 0xDC00 {
			return code, nil
		}
		l.spill = utf8.AppendRune(l.spill, code) // a lone second surrogate becomes U+FFFD
		return 0, nil
	}
	if high != 0 {
		l.spill = utf8.AppendRune(l.spill, utf8.RuneError)
	}
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	default:
		return 0, l.here("", "an unknown character follows a backslash", "write a backslash as \\\\")
	}
	l.spill = append(l.spill, c)
	return 0, nil
}

func hexValue(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// skip reads over one value.
func (l *lexer) skip() error {
	depth := l.depth()
	for {
		if _, err := l.next(); err != nil {
			return err
		}
		if l.depth() <= depth {
			return nil
		}
	}
}
