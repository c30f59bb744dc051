package pdq

import "math"

const frequencies = 16

// cosines is the 16 by 64 matrix of the discrete cosine transform (type II)
// without its first row, the constant term.
var cosines = func() (m [frequencies][side]float32) {
	// The reference keeps this factor in single precision.
	scale := float64(float32(math.Sqrt(2.0 / side)))
	for i := range m {
		for j := range m[i] {
			m[i][j] = float32(scale * math.Cos(math.Pi/2/side*float64(i+1)*float64(2*j+1)))
		}
	}
	return m
}()

// spectrum holds the 16 by 16 lowest frequencies.
type spectrum [frequencies][frequencies]float32

// transform computes the lowest frequencies. The conversions keep processors
// that could from fusing multiplication and addition, which would round
// differently. Several sums are made at a time, each in the order of the reference.
func transform(b *block) *spectrum {
	var half [frequencies][side]float32
	for i := range half {
		for j := 0; j < side; j += 8 {
			var s0, s1, s2, s3, s4, s5, s6, s7 float32
			for k, c := range &cosines[i] {
				row := (*[8]float32)(b[k][j:])
				s0 += float32(c * row[0])
				s1 += float32(c * row[1])
				s2 += float32(c * row[2])
				s3 += float32(c * row[3])
				s4 += float32(c * row[4])
				s5 += float32(c * row[5])
				s6 += float32(c * row[6])
				s7 += float32(c * row[7])
			}
			*(*[8]float32)(half[i][j:]) = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
		}
	}
	var s spectrum
	for i := range s {
		for j := 0; j < frequencies; j += 4 {
			var s0, s1, s2, s3 float32
			c0, c1, c2, c3 := &cosines[j], &cosines[j+1], &cosines[j+2], &cosines[j+3]
			for k, value := range &half[i] {
				s0 += float32(value * c0[k])
				s1 += float32(value * c1[k])
				s2 += float32(value * c2[k])
				s3 += float32(value * c3[k])
			}
			*(*[4]float32)(s[i][j:]) = [4]float32{s0, s1, s2, s3}
		}
	}
	return &s
}

// settle returns the quality of the sampled image, whose rows lines gives once more where that is needed.
func settle(b *block, lines func(row []float32, y int) []float32, width, height int) int {
	found := quality(b)
	if found < MinimumQuality && width*height <= maximumRepeated {
		inReferenceOrder(b, lines, width, height)
		found = quality(b)
	}
	return found
}

// fill computes quality and hashes of the sampled image; lines are as for [settle].
func (f *Fingerprint) fill(v *views, lines func(row []float32, y int) []float32) {
	f.Quality = settle(v[0][0], lines, f.Width, f.Height)
	f.hash(v)
}

// hash fills in the hashes of the sampled image, and returns its frequencies.
func (f *Fingerprint) hash(v *views) *spectrum {
	s := spectraOf(v)
	for variant := range f.Variants {
		f.Variants[variant] = s.turned(Variant(variant)).hash()
	}
	f.Hash = f.Variants[Original]
	return s[0][0]
}

// near counts the frequencies whose distance from the median is less than that.
func (s *spectrum) near(distance float32) (count int) {
	median := s.median()
	for i := range s {
		for _, value := range s[i] {
			if max(value-median, median-value) < distance {
				count++
			}
		}
	}
	return count
}

// spectra are those of views.
type spectra [2][2]*spectrum

func spectraOf(v *views) (s spectra) {
	known := map[*block]*spectrum{}
	for m := range v {
		for n, b := range v[m] {
			if known[b] == nil {
				known[b] = transform(b)
			}
			s[m][n] = known[b]
		}
	}
	return s
}

// turned returns the spectrum of the turned or mirrored picture: mirroring
// changes the signs of every other frequency along its axis, and turning also
// exchanges the axes.
func (s *spectra) turned(v Variant) *spectrum {
	var transpose bool
	var evenRows, evenColumns int
	switch v {
	case Original:
	case Rotate90:
		transpose, evenRows = true, 1
	case Rotate180:
		evenRows, evenColumns = 1, 1
	case Rotate270:
		transpose, evenColumns = true, 1
	case FlipX:
		evenRows = 1
	case FlipY:
		evenColumns = 1
	case FlipPlus1:
		transpose = true
	case FlipMinus1:
		transpose, evenRows, evenColumns = true, 1, 1
	}
	from := s[evenRows][evenColumns]
	if transpose {
		from = s[evenColumns][evenRows]
	}
	var t spectrum
	for i := range t {
		for j := range t[i] {
			value := from[i][j]
			if transpose {
				value = from[j][i]
			}
			if (i+1)&evenRows != (j+1)&evenColumns {
				value = -value
			}
			t[i][j] = value
		}
	}
	return &t
}

// hash sets a bit for each frequency above the median. Bit k of the reference
// is the frequency (k/16, k%16); its text begins with the highest.
func (s *spectrum) hash() Hash {
	median := s.median()
	var h Hash
	for i := range s {
		for j, value := range s[i] {
			if value > median {
				k := i*frequencies + j
				h[len(h)-1-k/8] |= 1 << (k % 8)
			}
		}
	}
	return h
}

// median is the lower one of all values, as Torben's method gives, found by Hoare's
// selection ("Algorithm 65: Find", CACM 4(7), 1961).
func (s *spectrum) median() float32 {
	var all [frequencies * frequencies]float32
	for i := range s {
		copy(all[i*frequencies:], s[i][:])
	}
	const wanted = len(all)/2 - 1
	left, right := 0, len(all)-1
	for left < right {
		pivot := all[wanted]
		i, j := left, right
		for i <= j {
			for all[i] < pivot {
				i++
			}
			for pivot < all[j] {
				j--
			}
			if i <= j {
				all[i], all[j] = all[j], all[i]
				i, j = i+1, j-1
			}
		}
		if j < wanted {
			left = i
		}
		if wanted < i {
			right = j
		}
	}
	return all[wanted]
}

// quality sums how much neighbouring points differ, in hundredths of the full
// range, each difference rounded towards zero as the reference does.
func quality(b *block) int {
	sum := 0
	step := func(u, v float32) {
		d := int((u - v) * 100 / 255)
		sum += max(d, -d)
	}
	for i := range side {
		for j := range side {
			if i+1 < side {
				step(b[i][j], b[i+1][j])
			}
			if j+1 < side {
				step(b[i][j], b[i][j+1])
			}
		}
	}
	return min(sum/90, 100)
}
