package media

import (
	"context"
	"fmt"
	"image"
	"io"
	"time"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/video"
)

// StripRequest says which scenes of a video are to be shown. Scenes are those of [video.Scenes], the longest ones where there
// are more than the grid has cells, in the order of the video; each by the frame in its middle, in grey, with its time.
type StripRequest struct {
	// Columns and Rows are how many scenes the strip has at most.
	Columns, Rows int
	// Scene is the one to be shown alone, from 1; 0 shows all.
	Scene int
	// Side is the longer side of a scene in pixels; frames are not enlarged.
	Side int
	// Blur is a radius in pixels of the strip; 0 for none.
	Blur int
	// Marked are times of which a list knows; a scene that one of them touches has a frame and says so.
	Marked []video.Span
	Limits VideoLimits
}

const (
	// maxStripSide bounds StripRequest.Side, in pixels.
	maxStripSide = 640
	// stripMemory is how many bytes of reduced frames are held while a video is read, and fewestKept is their least number.
	stripMemory = 64 << 20
	fewestKept  = 64
	// stripText is the height of the line below a scene, stripFrame the width of the frame of a marked one.
	stripText  = 17
	stripFrame = 4
)

// kept is a frame as it is shown.
type kept struct {
	frame   int
	picture *image.Gray
}

// filmstrip collects frames while a video is read. When there are too many, each second one goes.
type filmstrip struct {
	side, most, step, seen int
	frames                 []kept
}

func (s *filmstrip) see(frame int, whole *image.Gray) {
	if s.step == 0 {
		width, height := fit(whole.Rect.Dx(), whole.Rect.Dy(), s.side)
		s.step, s.most = 1, max(fewestKept, stripMemory/(width*height))
	}
	s.seen++
	if (s.seen-1)%s.step != 0 {
		return
	}
	if len(s.frames) == s.most {
		for i := range s.frames[:s.most/2] {
			s.frames[i] = s.frames[2*i]
		}
		s.frames = s.frames[:s.most/2]
		if s.step *= 2; (s.seen-1)%s.step != 0 {
			return
		}
	}
	width, height := fit(whole.Rect.Dx(), whole.Rect.Dy(), s.side)
	small := image.NewGray(image.Rect(0, 0, width, height))
	draw.ApproxBiLinear.Scale(small, small.Rect, whole, whole.Rect, draw.Src, nil)
	s.frames = append(s.frames, kept{frame, small})
}

// nearest is the frame that was kept next to one.
func (s *filmstrip) nearest(frame int) kept {
	best := s.frames[0]
	for _, k := range s.frames[1:] {
		if abs(k.frame-frame) < abs(best.frame-frame) {
			best = k
		}
	}
	return best
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// Strip renders scenes of a video for a person to look at. The status is ok when there is a picture, and Detail then says
// what of the video could not be read; otherwise it is that of [Service.Video]. Errors are those of Video, or
// problem.Invalid when asked is out of bounds.
//
// Scenes are found among frames a second apart. Of a long video fewer frames are held, and the scene shows the next one.
func (s *Service) Strip(ctx context.Context, content io.Reader, size int64, asked StripRequest) (Picture, error) {
	cells := asked.Columns * asked.Rows
	switch {
	case asked.Columns < 1 || asked.Columns > MaxTiles || asked.Rows < 1 || asked.Rows > MaxTiles || asked.Scene < 0 || asked.Scene > cells:
		return Picture{}, problem.InvalidField("strip.scene", "the scene is outside of the grid", "count scenes from 1")
	case asked.Side < 1 || asked.Side > maxStripSide:
		return Picture{}, problem.InvalidField("strip.side", fmt.Sprintf("%d is outside 1 to %d", asked.Side, maxStripSide), "ask for smaller scenes")
	case asked.Blur < 0 || asked.Blur > MaxBlur:
		return Picture{}, problem.InvalidField("strip.blur", fmt.Sprintf("%d is outside 0 to %d", asked.Blur, MaxBlur), "use a radius in pixels")
	}
	strip := &filmstrip{side: asked.Side}
	found, err := s.Video(ctx, content, size, VideoRequest{Every: time.Second, Limits: asked.Limits, see: strip.see})
	if err != nil {
		return Picture{}, err
	}
	if len(strip.frames) == 0 {
		return Picture{Status: found.Status, Detail: found.Detail}, nil
	}
	scenes := video.Scenes(found.Features, video.UsualCut, cells)
	sheet := strip.draw(scenes, found.timeOf, asked)
	picture, err := samples{width: sheet.Rect.Dx(), height: sheet.Rect.Dy(), bytes: sheet.Pix}.encode(Sketch)
	if err != nil {
		return Picture{}, problem.New(problem.Internal, "the strip could not be encoded", "").Because(err)
	}
	picture.Status = StatusOK
	if found.Status == StatusPartial {
		picture.Detail = found.Detail
	}
	return picture, nil
}

// timeOf is where a frame is shown.
func (v *Video) timeOf(frame int) time.Duration {
	return time.Duration(float64(frame) / v.Rate * float64(time.Second))
}

// draw lays scenes out from left to right and from top to bottom.
func (s *filmstrip) draw(scenes []video.Scene, timeOf func(int) time.Duration, asked StripRequest) *image.Gray {
	columns, first, count := min(asked.Columns, len(scenes)), 0, len(scenes)
	if asked.Scene > 0 {
		columns, first, count = 1, asked.Scene-1, 1
	}
	size := s.frames[0].picture.Rect.Size().Add(image.Pt(2*stripFrame, 2*stripFrame+stripText))
	rows := (count + columns - 1) / columns
	// The line below has room for its words.
	size.X = max(size.X, 7*len("00:00:00 no more scenes")+2*stripFrame)
	sheet := image.NewGray(image.Rect(0, 0, columns*size.X, rows*size.Y))
	for i := range count {
		at := image.Pt(i%columns*size.X, i/columns*size.Y)
		if first+i >= len(scenes) {
			write(sheet, at.Add(image.Pt(stripFrame, size.Y-5)), "no more scenes")
			continue
		}
		scene := scenes[first+i]
		k := s.nearest(scene.Shown.Frame)
		picture := image.NewGray(k.picture.Rect)
		copy(picture.Pix, k.picture.Pix)
		blur(picture.Pix, picture.Rect.Dx(), picture.Rect.Dy(), 1, asked.Blur)
		text := clock(timeOf(k.frame))
		inner := at.Add(image.Pt(stripFrame, stripFrame))
		if marked(scene.Span, asked.Marked) {
			text += " known"
			edge := picture.Rect.Inset(-stripFrame).Add(inner)
			draw.Draw(sheet, edge, image.White, image.Point{}, draw.Src)
		}
		draw.Draw(sheet, picture.Rect.Add(inner), picture, image.Point{}, draw.Src)
		write(sheet, at.Add(image.Pt(stripFrame, size.Y-5)), text)
	}
	return sheet
}

func marked(scene video.Span, spans []video.Span) bool {
	for _, span := range spans {
		if span.From <= scene.To && span.To >= scene.From {
			return true
		}
	}
	return false
}

func clock(at time.Duration) string {
	return fmt.Sprintf("%02d:%02d:%02d", at/time.Hour, at%time.Hour/time.Minute, at%time.Minute/time.Second)
}

func write(sheet *image.Gray, at image.Point, text string) {
	(&font.Drawer{Dst: sheet, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(at.X, at.Y)}).DrawString(text)
}
