package media

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
)

func BenchmarkFingerprint(b *testing.B) {
	service := start(b, Options{Children: 1})
	for _, size := range [][2]int{{640, 480}, {1280, 960}} {
		content := asJPEG(b, landscape(size[0], size[1]))
		name := fmt.Sprintf("%dx%d", size[0], size[1])
		b.Run(name+"/child", func(b *testing.B) {
			for b.Loop() {
				service.fingerprintBytes(b, content)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
		})
		b.Run(name+"/in-process", func(b *testing.B) {
			for b.Loop() {
				picture, about := decode(content, DefaultMaxPixels)
				if about.status != StatusOK || pdq.Compute(picture).Quality == 0 {
					b.Fatal(about)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
		})
	}
}

func BenchmarkPreview(b *testing.B) {
	service := start(b, Options{Children: 1})
	content := asJPEG(b, landscape(1280, 960))
	for name, kind := range map[string]PreviewKind{"sketch": Sketch, "full": Full} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				service.previewBytes(b, content, PreviewRequest{Kind: kind})
			}
		})
	}
}

// BenchmarkStartChild is the price of replacing a child.
func BenchmarkStartChild(b *testing.B) {
	service := start(b, Options{Children: 1, RequestsPerChild: 1})
	content := []byte("message 17")
	for b.Loop() {
		if _, err := service.Fingerprint(context.Background(), bytes.NewReader(content), int64(len(content))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFrame is frames a second of hashing alone; see BenchmarkVideo.
func BenchmarkFrame(b *testing.B) {
	for _, side := range []int{480, 1280} {
		frame := make([]byte, side*720)
		for i := range frame {
			frame[i] = byte(16 + (i*7^i>>9*13)%220)
		}
		b.Run(fmt.Sprintf("%dx720", side), func(b *testing.B) {
			frames := pdq.NewFrames(side, 720, pdq.LimitedLevels)
			for b.Loop() {
				frames.Hash(frame)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
