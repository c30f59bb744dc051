package node_test

import (
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/node"
)

func TestLimitsOfVideosInTheConfiguration(t *testing.T) {
	for text, field := range map[string]string{
		`{}`: "", `{every: 0s, deadline: 10m, max_bytes: 1, max_frames: 1, at_once: 1}`: "",
		`{max_bytes: 0}`: "media.video.max_bytes", `{max_frames: -1}`: "media.video.max_frames", `{at_once: 0}`: "media.video.at_once",
		`{deadline: 10ms}`: "media.video.deadline", `{every: -1s}`: "media.video.every",
	} {
		_, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: provider.example, name: Example}\nmedia: {video: "+text+"}\n"))
		if (err == nil) != (field == "") || (err != nil && problem.From(err).Field != field) {
			t.Errorf("%s: %v, want the field %q", text, err, field)
		}
	}
}
