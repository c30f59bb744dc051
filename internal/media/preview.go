package media

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	"github.com/brdoproject/brdo/domain/problem"
)

// PreviewKind is how much of a file a preview reveals. The list is closed.
type PreviewKind byte

const (
	// Sketch is a drawing: flattened tones and pencil lines. It is what a
	// reviewer meets first: in a study with 107 journalists and investigators
	// a drawing-style filter lowered negative feelings by 30.38 % and kept
	// 97.19 % of the interpretability (Sarridis et al. 2023).
	Sketch PreviewKind = iota + 1
	// Full is the whole picture.
	Full
	// Tile is one tile of Full, for revealing a part.
	Tile
)

// Region names one tile of a grid laid over the full preview. Column and Row
// count from 0, from the upper left.
type Region struct{ Column, Row, Columns, Rows int }

// PreviewRequest says what to render.
type PreviewRequest struct {
	Kind PreviewKind
	// MaxSide bounds the longer side in pixels; pictures are never enlarged.
	// 0 stands for 640 for a Sketch and 1280 otherwise. For a Tile it bounds
	// the full preview that the tile is cut from.
	MaxSide int
	// Region is used by Kind Tile only.
	Region Region
	// Grey drops the colours. A Sketch is always grey.
	Grey bool
	// Blur is a radius in pixels of the preview; 0 for none.
	Blur int
}

// Picture is a preview, encoded by this process.
type Picture struct {
	// Data is a PNG (Sketch) or a JPEG; nil unless Status is ok.
	Data          []byte
	MIME          string
	Width, Height int
	Status        Status
	Detail        string
	// FirstFrameOnly is as in [Fingerprint].
	FirstFrameOnly bool
}

func (r PreviewRequest) complete() PreviewRequest {
	if r.MaxSide == 0 {
		r.MaxSide = 1280
		if r.Kind == Sketch {
			r.MaxSide = 640
		}
	}
	return r
}

func (r PreviewRequest) validate() error {
	limit := MaxFullSide
	switch r.Kind {
	case Sketch:
		limit = MaxSketchSide
	case Full, Tile:
	default:
		return problem.InvalidField("preview.kind", fmt.Sprintf("%d is not a kind of preview", r.Kind), "use sketch, full or tile")
	}
	if r.MaxSide < 1 || r.MaxSide > limit {
		return problem.InvalidField("preview.max_side", fmt.Sprintf("%d is outside 1 to %d", r.MaxSide, limit), "leave it out for the default")
	}
	if r.Blur < 0 || r.Blur > MaxBlur {
		return problem.InvalidField("preview.blur", fmt.Sprintf("%d is outside 0 to %d", r.Blur, MaxBlur), "use a radius in pixels")
	}
	if r.Kind != Tile {
		if r.Region != (Region{}) {
			return problem.InvalidField("preview.region", "a region is given for a preview that is not a tile", "leave it out")
		}
		return nil
	}
	g := r.Region
	if g.Columns < 1 || g.Columns > MaxTiles || g.Rows < 1 || g.Rows > MaxTiles {
		return problem.InvalidField("preview.region", fmt.Sprintf("a grid of %d by %d tiles", g.Columns, g.Rows),
			fmt.Sprintf("use 1 to %d columns and rows", MaxTiles))
	}
	if g.Column < 0 || g.Column >= g.Columns || g.Row < 0 || g.Row >= g.Rows {
		return problem.InvalidField("preview.region", fmt.Sprintf("tile %d, %d is outside the grid", g.Column, g.Row),
			"count columns and rows from 0")
	}
	return nil
}

// preview runs in the child: it decodes, turns upright, scales, alters and
// returns bare samples.
func preview(content []byte, asked PreviewRequest, maxPixels int64) (outcome, samples) {
	asked = asked.complete()
	picture, about := decode(content, maxPixels)
	if about.status != StatusOK {
		return about, samples{}
	}
	return about, render(orient(shrink(picture, asked.MaxSide), orientation(about.mime, content)), asked)
}

// render alters an upright picture as asked.
func render(upright *image.RGBA, asked PreviewRequest) samples {
	if asked.Kind == Sketch {
		drawing := sketch(upright)
		blur(drawing.Pix, drawing.Rect.Dx(), drawing.Rect.Dy(), 1, asked.Blur)
		return samples{width: drawing.Rect.Dx(), height: drawing.Rect.Dy(), bytes: drawing.Pix}
	}
	blur(upright.Pix, upright.Rect.Dx(), upright.Rect.Dy(), 4, asked.Blur)
	if asked.Kind == Tile {
		upright = upright.SubImage(asked.Region.within(upright.Rect)).(*image.RGBA)
	}
	if asked.Grey {
		return greySamples(upright)
	}
	return colourSamples(upright)
}

// within returns the tile in a picture. A picture with fewer pixels than the
// grid has tiles shows its nearest pixel rather than nothing.
func (g Region) within(bounds image.Rectangle) image.Rectangle {
	x0, x1 := tile(bounds.Dx(), g.Column, g.Columns)
	y0, y1 := tile(bounds.Dy(), g.Row, g.Rows)
	return image.Rect(x0, y0, x1, y1).Add(bounds.Min)
}

func tile(length, index, count int) (from, to int) {
	from = min(length*index/count, length-1)
	return from, max(length*(index+1)/count, from+1)
}

func (s samples) encode(kind PreviewKind) (Picture, error) {
	bounds := image.Rect(0, 0, s.width, s.height)
	var source image.Image = &image.Gray{Pix: s.bytes, Stride: s.width, Rect: bounds}
	if s.colour {
		luma, chromaWidth := s.width*s.height, (s.width+1)/2
		chroma := chromaWidth * ((s.height + 1) / 2)
		source = &image.YCbCr{
			Y: s.bytes[:luma], Cb: s.bytes[luma : luma+chroma], Cr: s.bytes[luma+chroma:],
			YStride: s.width, CStride: chromaWidth,
			SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: bounds,
		}
	}
	picture := Picture{MIME: "image/jpeg", Width: s.width, Height: s.height}
	var encoded bytes.Buffer
	var err error
	if kind == Sketch {
		picture.MIME = "image/png"
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&encoded, source)
	} else {
		err = jpeg.Encode(&encoded, source, &jpeg.Options{Quality: 88})
	}
	if err != nil {
		return Picture{}, fmt.Errorf("encoding a preview: %w", err)
	}
	picture.Data = encoded.Bytes()
	return picture, nil
}
