// Package strictjson decodes JSON that must mean one thing only.
//
// encoding/json forgives what a signed report or a legal profile must not
// contain: keys in another case, keys given twice (RFC 8259 section 4 leaves
// their meaning open, so two readers may disagree), bytes that are not UTF-8.
// [Decode] refuses all of them and names the key, so that a spelling mistake in
// a profile is an error and never a rule that silently does not apply.
package strictjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/brdoproject/brdo/domain/problem"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 32

// Decode reads exactly one JSON value of at most limit bytes into a pointer.
// Every error is a [problem.Error] of kind Invalid that names the key by its
// path ("fields[3].colour") where one key is at fault.
func Decode(data []byte, limit int, into any) error {
	if len(data) > limit {
		return problem.New(problem.Invalid, fmt.Sprintf("the document has %d bytes, more than the %d allowed", len(data), limit), "shorten it; media are referenced by hash, never put inside")
	}
	if !utf8.Valid(data) {
		return problem.New(problem.Invalid, "the document is not UTF-8", "save it as UTF-8 (RFC 8259 section 8.1)")
	}
	reader := json.NewDecoder(bytes.NewReader(data))
	reader.UseNumber()
	if err := check(reader, reflect.TypeOf(into).Elem(), "", 0); err != nil {
		return err
	}
	if _, err := reader.Token(); !errors.Is(err, io.EOF) {
		return problem.New(problem.Invalid, "there is something after the end of the document", "send one JSON value only")
	}
	if err := json.Unmarshal(data, into); err != nil {
		return explain(err)
	}
	return nil
}

// explain turns an error of encoding/json into a problem that names the key.
func explain(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return problem.InvalidField(wrongType.Field, fmt.Sprintf("is a %s but must be %s", wrongType.Value, name(wrongType.Type)), "").Because(err)
	}
	var known *problem.Error
	if errors.As(err, &known) {
		return known
	}
	return problem.New(problem.Invalid, "is not valid JSON", "check the syntax near the place named in the log").Because(err)
}

// name says in words what JSON value a Go type is written as.
func name(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.String:
		return "a text"
	default:
		return "a whole number in range"
	}
}

// check reads the next value and compares its keys with those of t. A nil t
// means that the keys below are not known and only doubles are looked for.
func check(reader *json.Decoder, t reflect.Type, path string, depth int) error {
	if depth > MaxDepth {
		return problem.InvalidField(path, fmt.Sprintf("is nested deeper than %d levels", MaxDepth), "")
	}
	token, err := reader.Token()
	if err != nil {
		return explain(err)
	}
	switch token {
	case json.Delim('{'):
		return checkObject(reader, transparent(t), path, depth)
	case json.Delim('['):
		element := transparent(t)
		if element != nil && (element.Kind() == reflect.Slice || element.Kind() == reflect.Array) {
			element = element.Elem()
		} else {
			element = nil
		}
		for index := 0; reader.More(); index++ {
			if err := check(reader, element, fmt.Sprintf("%s[%d]", path, index), depth+1); err != nil {
				return err
			}
		}
		if _, err := reader.Token(); err != nil {
			return explain(err)
		}
	}
	return nil
}

func checkObject(reader *json.Decoder, t reflect.Type, path string, depth int) error {
	var known map[string]reflect.Type
	var values reflect.Type
	if t != nil && t.Kind() == reflect.Struct {
		known = map[string]reflect.Type{}
		collect(t, known)
	} else if t != nil && t.Kind() == reflect.Map {
		values = t.Elem()
	}
	seen := map[string]bool{}
	for reader.More() {
		token, err := reader.Token()
		if err != nil {
			return explain(err)
		}
		key, _ := token.(string)
		at := key
		if path != "" {
			at = path + "." + key
		}
		if seen[key] {
			return problem.InvalidField(at, "is given twice", "keep one of them")
		}
		seen[key] = true
		below := values
		if known != nil {
			field, ok := known[key]
			if !ok {
				return problem.InvalidField(at, "is not a known key", "use one of: "+list(known))
			}
			below = field
		}
		if err := check(reader, below, at, depth+1); err != nil {
			return err
		}
	}
	if _, err := reader.Token(); err != nil {
		return explain(err)
	}
	return nil
}

// transparent strips pointers; types that decode themselves become nil.
func transparent(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return nil
	}
	pointer := reflect.PointerTo(t)
	if pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) || pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil
	}
	return t
}

// collect adds the JSON keys of a struct, those of embedded structs included.
func collect(t reflect.Type, known map[string]reflect.Type) {
	for field := range t.Fields() {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && tag == "":
			collect(field.Type, known)
		case tag == "-" || !field.IsExported():
		case tag == "":
			known[field.Name] = field.Type
		default:
			known[tag] = field.Type
		}
	}
}

func list(known map[string]reflect.Type) string {
	keys := make([]string, 0, len(known))
	for key := range known {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}
