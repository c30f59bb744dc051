package luma

import "sync"

// codes keeps the tables of recently seen codes: most files have the same ones, and
// building them takes as long as reading a small picture.
var codes = struct {
	sync.Mutex
	of map[string]*huffman
}{of: map[string]*huffman{}}

// maxCodes bounds the cache: about 70 KB each.
const maxCodes = 64

// codeOf returns the tables of a code by the 16 counts and the symbols that define it.
func codeOf(class kind, definition []byte) (*huffman, bool) {
	key := string(rune('0'+class)) + string(definition)
	codes.Lock()
	defer codes.Unlock()
	if h, found := codes.of[key]; found {
		return h, true
	}
	h, ok := newHuffman(class, (*[16]uint8)(definition), definition[16:])
	if !ok {
		return nil, false
	}
	if len(codes.of) >= maxCodes {
		for other := range codes.of { // any: in random order
			delete(codes.of, other)
			break
		}
	}
	codes.of[key] = h
	return h, true
}
