package luma

// Options say how a picture is read.
type Options struct {
	// MaxPixels bounds width times height, and with it memory.
	MaxPixels int64
	// Means reads nothing but the mean of each block: the picture at an eighth of its
	// size, at half the cost or, in a progressive file, a tenth of it.
	Means bool
}

// Reduction is what became of a picture.
type Reduction struct {
	Width, Height int
	// Cells holds for each operator its rows of cells.
	Cells [][][]float32
	// Read is the share of the picture that could be read, 1 when the file is whole.
	// What could not be read is grey.
	Read float64
}

// TooLargeError says that a picture has more pixels than are allowed.
type TooLargeError struct{ Width, Height int }

func (e *TooLargeError) Error() string { return "the picture has more pixels than are allowed" }

// ReadJPEG reduces a JPEG file by the operators that plan returns for its size.
//
// Errors: [ErrUnsupported], [ErrDamaged] when not even a part could be read,
// [TooLargeError].
func ReadJPEG(data []byte, options Options, plan func(width, height int) []Operator) (Reduction, error) {
	if len(data) < 4 || data[0] != 0xff || data[1] != markerSOI {
		return Reduction{}, damaged("it does not begin as one")
	}
	f := &file{data: data, at: 2}
	var (
		operators []Operator
		waves     *progression
	)
	for {
		marker, payload, err := f.segment()
		if err != nil || marker == markerEOI {
			if waves != nil && waves.any() { // what came so far is a picture
				return f.reduction(waves.reduce(operators), waves.share), nil
			}
			if err == nil {
				err = damaged("it ends before its image data")
			}
			return Reduction{}, err
		}
		if marker != markerSOS {
			if err := f.head(marker, payload); err != nil {
				return Reduction{}, err
			}
			continue
		}
		s, err := f.readScan(payload)
		if err != nil {
			return Reduction{}, err
		}
		if operators == nil {
			if f.isRGB() {
				return Reduction{}, unsupported("its components are red, green and blue")
			}
			if int64(f.width)*int64(f.height) > options.MaxPixels {
				return Reduction{}, &TooLargeError{f.width, f.height}
			}
			operators = plan(f.width, f.height)
		}
		if !f.progressive {
			if len(s.components) != len(f.components) {
				return Reduction{}, unsupported("its components come one after the other")
			}
			if err := f.complete(s); err != nil {
				return Reduction{}, err
			}
			r := f.newReducer(operators)
			return f.reduction(r, f.readSequential(s, r, options.Means)), nil
		}
		if waves == nil {
			waves = f.newProgression(options.Means)
		}
		if err := waves.scan(s); err != nil {
			return Reduction{}, err
		}
		if waves.done(s) {
			return f.reduction(waves.reduce(operators), waves.share), nil
		}
	}
}

// complete reports whether the tables that a scan needs are there.
func (f *file) complete(s scan) error {
	for i, c := range s.components {
		if c != &f.components[i] {
			return damaged("the components of a scan are out of order")
		}
		if c.dc == nil || c.ac == nil || !f.defined[c.quantum] {
			return damaged("a table is missing")
		}
	}
	return nil
}

func (f *file) newReducer(operators []Operator) *reducer {
	return newReducer(operators, f.mcusWide*f.mostWide, f.mcusHigh*f.mostHigh, f.mostHigh, &f.quanta[f.components[0].quantum])
}

func (f *file) reduction(r *reducer, read float64) Reduction {
	return Reduction{Width: f.width, Height: f.height, Cells: r.cells(), Read: read}
}
