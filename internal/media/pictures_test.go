package media

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// landscape paints hills under a sky with a sun and a row of posts: benign,
// and with features enough to be hashed.
func landscape(width, height int) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	hill := func(x, base, height, waves, phase float64) float64 {
		return base - height*(0.6*math.Sin(waves*x+phase)+0.4*math.Sin(2.7*waves*x+1.3*phase))
	}
	for py := range height {
		for px := range width {
			x, y := float64(px)/float64(width), float64(py)/float64(height)
			c := color.RGBA{uint8(120 + 90*y), uint8(170 + 50*y), 235, 255}
			if math.Hypot((x-0.78)*float64(width)/float64(height), y-0.2) < 0.09 {
				c = color.RGBA{255, 235, 150, 255}
			}
			switch {
			case y > hill(x, 0.86, 0.05, 9, 0.4):
				grain := uint8(20 * (1 + math.Sin(140*x+60*y)))
				c = color.RGBA{60 + grain, 110 + grain, 45, 255}
				if int(x*40)%5 == 0 && y < 0.95 {
					c = color.RGBA{70, 50, 35, 255}
				}
			case y > hill(x, 0.68, 0.10, 6, 2):
				c = color.RGBA{70, 105, 90, 255}
			case y > hill(x, 0.50, 0.16, 4, 5):
				c = color.RGBA{110, 125, 150, 255}
			}
			picture.SetRGBA(px, py, c)
		}
	}
	return picture
}

func encoded(t testing.TB, write func(*bytes.Buffer) error) []byte {
	t.Helper()
	var buffer bytes.Buffer
	if err := write(&buffer); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func asJPEG(t testing.TB, picture image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, picture, &jpeg.Options{Quality: 92}) })
}

func asPNG(t testing.TB, picture image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, picture) })
}

func asGIF(t testing.TB, picture image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, picture, nil) })
}

func asBMP(t testing.TB, picture image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return bmp.Encode(b, picture) })
}

func asTIFF(t testing.TB, picture image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error {
		return tiff.Encode(b, picture, &tiff.Options{Compression: tiff.Deflate, Predictor: true})
	})
}

// lyingPNG is small and claims any dimensions, with a sound checksum.
func lyingPNG(t testing.TB, width, height uint32) []byte {
	lie := asPNG(t, landscape(64, 48))
	binary.BigEndian.PutUint32(lie[16:], width)
	binary.BigEndian.PutUint32(lie[20:], height)
	binary.BigEndian.PutUint32(lie[29:], crc32.ChecksumIEEE(lie[12:29]))
	return lie
}

// animatedGIF repeats a frame of 1 x 1 after a first one that fills the canvas.
func animatedGIF(t testing.TB, first image.Image, frames int) []byte {
	still := asGIF(t, first)
	body := still[:len(still)-1]
	tiny := asGIF(t, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.Black, color.White}))
	frame := tiny[bytes.IndexByte(tiny, ','):]
	frame = frame[:len(frame)-1]
	return append(append(body, bytes.Repeat(frame, frames-1)...), ';')
}

// withExif puts an orientation into a JPEG, in either byte order.
func withExif(jpegFile []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	structure := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		structure = []byte("MM\x00*")
	}
	structure = order.AppendUint32(structure, 8)
	structure = order.AppendUint16(structure, 1)
	structure = order.AppendUint16(structure, tagOrientation)
	structure = order.AppendUint16(structure, 3)
	structure = order.AppendUint32(structure, 1)
	structure = order.AppendUint16(structure, orientation)
	structure = order.AppendUint16(structure, 0)
	structure = order.AppendUint32(structure, 0)
	segment := append([]byte("Exif\x00\x00"), structure...)
	result := append([]byte{0xff, 0xd8, 0xff, 0xe1}, byte((len(segment)+2)>>8), byte(len(segment)+2))
	return append(append(result, segment...), jpegFile[2:]...)
}

// animatedWebP wraps a still lossy or lossless file as the first of two frames.
func animatedWebP(still []byte, x, y, canvasWidth, canvasHeight, width, height int) []byte {
	put24 := func(to []byte, value int) []byte {
		return append(to, byte(value), byte(value>>8), byte(value>>16))
	}
	extended := put24(put24([]byte{0x02, 0, 0, 0}, canvasWidth-1), canvasHeight-1)
	frame := put24(put24(put24(put24(nil, x/2), y/2), width-1), height-1)
	frame = append(frame, 100, 0, 0, 0)
	frame = append(frame, still[12:]...)
	body := appendChunk(nil, "VP8X", extended)
	body = appendChunk(body, "ANIM", make([]byte, 6))
	body = appendChunk(appendChunk(body, "ANMF", frame), "ANMF", frame)
	file := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4))
	return append(append(file, "WEBP"...), body...)
}
