package match

// table finds numbers by hashes: open addressing with linear probing (Knuth, The
// Art of Computer Programming, volume 3, section 6.4, algorithms L and R). It
// keeps the numbers alone, 4 bytes each, a quarter to five eighths of them empty;
// whoever asks compares what the numbers stand for. 0 is no number.
type table struct {
	slots []uint32
	used  int
}

func (t *table) home(hash uint64) int { return int(hash & uint64(len(t.slots)-1)) }

// each calls for every number that may have the hash, until it is told to stop.
func (t *table) each(hash uint64, call func(number uint32) (more bool)) {
	if len(t.slots) == 0 {
		return
	}
	for i := t.home(hash); t.slots[i] != 0; i = (i + 1) & (len(t.slots) - 1) {
		if !call(t.slots[i]) {
			return
		}
	}
}

// grow makes room in an empty table.
func (t *table) grow(count int) {
	size := 16
	for 3*size < 4*(count+1) {
		size *= 2
	}
	t.slots = make([]uint32, size)
}

// insert adds a number that is not there; hashOf gives the hashes of the others.
func (t *table) insert(hash uint64, number uint32, hashOf func(uint32) uint64) {
	if 4*(t.used+1) > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]uint32, max(16, 2*len(old)))
		for _, other := range old {
			if other != 0 {
				t.put(hashOf(other), other)
			}
		}
	}
	t.put(hash, number)
	t.used++
}

func (t *table) put(hash uint64, number uint32) {
	i := t.home(hash)
	for t.slots[i] != 0 {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = number
}

// replace puts another number in the place of one, with the same hash, or takes it
// out when the other is 0.
func (t *table) replace(hash uint64, number, other uint32, hashOf func(uint32) uint64) {
	if len(t.slots) == 0 {
		return
	}
	last := len(t.slots) - 1
	i := t.home(hash)
	for t.slots[i] != number {
		if t.slots[i] == 0 {
			return
		}
		i = (i + 1) & last
	}
	if t.slots[i] = other; other != 0 {
		return
	}
	t.used--
	// Close the gap: what follows moves up unless that is before its home.
	for j := (i + 1) & last; t.slots[j] != 0; j = (j + 1) & last {
		if home := t.home(hashOf(t.slots[j])); (j-home)&last >= (j-i)&last {
			t.slots[i], t.slots[j] = t.slots[j], 0
			i = j
		}
	}
}
