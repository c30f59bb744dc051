package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a long piece of work is and when it will end, on a
// terminal only.
type progress struct{ bar *progressbar.ProgressBar }

func newProgress(w world, doing string, candidates []candidate) *progress {
	if !w.terminal {
		return &progress{}
	}
	var total int64
	for _, c := range candidates {
		total += c.Size
	}
	return &progress{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w.err), progressbar.OptionSetDescription(doing), progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionClearOnFinish())}
}

func (p *progress) add(bytes int64) {
	if p.bar != nil {
		_ = p.bar.Add64(bytes) // a broken terminal is no reason to stop
	}
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
