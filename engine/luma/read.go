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
	Progressive   bool
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
// [TooLargeError]; one that names what is wrong with the operators.
func ReadJPEG(data []byte, options Options, plan func(width, height int) []*Operator) (Reduction, error) {
	f, first, err := open(data, options.MaxPixels)
	if err != nil {
		return Reduction{}, err
	}
	operators := plan(f.width, f.height)
	if err := check(operators); err != nil {
		return Reduction{}, err
	}
	r := f.newReducer(operators, options.Means)
	read := 0.0
	if f.progressive {
		p := f.newProgression(wanted{waves: !options.Means})
		if err := p.readAll(first); err != nil {
			return Reduction{}, err
		}
		p.reduce(r)
		read = p.share
	} else {
		if err := f.complete(first); err != nil {
			return Reduction{}, err
		}
		read = f.readSequential(first, r, options.Means)
	}
	return Reduction{Width: f.width, Height: f.height, Progressive: f.progressive, Cells: r.cells(), Read: read}, nil
}

// open reads a file up to its first scan.
func open(data []byte, maxPixels int64) (*file, scan, error) {
	if len(data) < 4 || data[0] != 0xff || data[1] != markerSOI {
		return nil, scan{}, damaged("it does not begin as one")
	}
	f := &file{data: data, at: 2}
	first, err := f.nextScan()
	switch {
	case err != nil:
		return nil, scan{}, err
	case f.isRGB():
		return nil, scan{}, unsupported("its components are red, green and blue")
	case int64(f.width)*int64(f.height) > maxPixels:
		return nil, scan{}, &TooLargeError{f.width, f.height}
	case !f.progressive && len(first.components) != len(f.components):
		return nil, scan{}, unsupported("its components come one after the other")
	}
	return f, first, nil
}

// nextScan goes past the header of the next scan.
func (f *file) nextScan() (scan, error) {
	for {
		marker, payload, err := f.segment()
		switch {
		case err != nil:
			return scan{}, err
		case marker == markerEOI:
			return scan{}, damaged("it ends before its image data")
		case marker == markerSOS:
			return f.readScan(payload)
		}
		if err := f.head(marker, payload); err != nil {
			return scan{}, err
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

func (f *file) newReducer(operators []*Operator, means bool) *reducer {
	return newReducer(operators, f.mcusWide*f.mostWide, f.mcusHigh*f.mostHigh, f.mostHigh, &f.quanta[f.components[0].quantum], means)
}
