package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// videos measures how many frames of a video are hashed in a second of one processor, and how many the reference hashes: the
// processor time of all processes, with their start.
func (c benchFiguresCommand) videos(ctx context.Context) (rows []figureRow, err error) {
	row := figureRow{what: "video, 720p: each frame decoded in its enclosure and hashed as vPDQ does, frames/s of one core"}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		row.here = "not measured: ffmpeg is not installed"
		return []figureRow{row}, nil
	}
	folder, err := os.MkdirTemp("", "brdo-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for a clip: %w", err)
	}
	defer func() {
		if gone := os.RemoveAll(folder); err == nil {
			err = gone
		}
	}()
	seconds := 20
	if c.Quick {
		seconds = 1
	}
	clip, err := c.clip(ctx, folder, seconds)
	if err != nil {
		return nil, err
	}
	var here, beside float64
	for range c.Rounds {
		rate, err := framesOfOneCore(ctx, clip, filepath.Join(folder, "frames"))
		if err != nil {
			return nil, err
		}
		here = max(here, rate)
		if c.Peers == "" {
			continue
		}
		peer, err := c.peer(ctx, "vpdq", "1", clip)
		if err != nil {
			return nil, err
		}
		beside = max(beside, peer.ImagesPerSecond)
	}
	about, err := os.Stat(clip)
	if err != nil {
		return nil, fmt.Errorf("looking at the clip: %w", err)
	}
	row.here = fmt.Sprintf("%.0f (H.264, %.1f Mbit/s)", here, float64(about.Size())*8e-6/float64(seconds))
	if beside > 0 {
		row.beside = fmt.Sprintf("reference: %.0f (%.1f×)", beside, here/beside)
	}
	return []figureRow{row}, nil
}

// clip has ffmpeg make a video of 25 frames a second: a camera that moves over up to five pictures, with the noise of a camera. They are those of the first
// folder, if they are large enough, or a generated one.
func (c benchFiguresCommand) clip(ctx context.Context, folder string, seconds int) (string, error) {
	var pictures []string
	if len(c.Photos) > 0 {
		files, paths, err := jpegs(c.Photos[0])
		if err != nil {
			return "", err
		}
		for i, data := range files {
			if config, err := jpeg.DecodeConfig(bytes.NewReader(data)); err == nil && len(pictures) < 5 && min(config.Width, config.Height) >= 1080 {
				pictures = append(pictures, paths[i])
			}
		}
	}
	if len(pictures) == 0 {
		var picture bytes.Buffer
		if err := jpeg.Encode(&picture, benchPicture(1920, 1440), nil); err != nil {
			return "", fmt.Errorf("making a picture: %w", err)
		}
		pictures = []string{filepath.Join(folder, "picture.jpg")}
		if err := os.WriteFile(pictures[0], picture.Bytes(), 0o600); err != nil {
			return "", fmt.Errorf("making a picture: %w", err)
		}
	}
	arguments := []string{"-v", "error", "-nostdin"}
	var filters, parts strings.Builder
	frames := 25 * seconds / len(pictures)
	for i, path := range pictures {
		arguments = append(arguments, "-i", path)
		fmt.Fprintf(&filters, "[%d:v]scale=1920:1440,loop=%d:1,settb=1/25,setpts=N,crop=1280:720:640*n/%d:720*n/%d,noise=alls=6:allf=t[part%d];", i, frames-1, frames, frames, i)
		fmt.Fprintf(&parts, "[part%d]", i)
	}
	fmt.Fprintf(&filters, "%sconcat=n=%d,format=yuv420p", parts.String(), len(pictures))
	clip := filepath.Join(folder, "clip.mp4")
	made := exec.CommandContext(ctx, "ffmpeg", append(arguments, "-filter_complex", filters.String(), "-r", "25", "-c:v", "libx264", "-preset", "veryfast", clip)...)
	if said, err := made.CombinedOutput(); err != nil {
		return "", fmt.Errorf("making a clip: %w: %s", err, said)
	}
	return clip, nil
}

// framesOfOneCore hashes each frame of a clip by the command that people use, in a process of its own, whose system then tells its processor
// time and that of its children.
func framesOfOneCore(ctx context.Context, clip, out string) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("finding the running binary: %w", err)
	}
	command := exec.CommandContext(ctx, self, "hash", "--frames", out, "--every", "0s", clip)
	command.Args[0] = "brdo"
	command.Env = append(os.Environ(), "GOMAXPROCS=1")
	command.Stderr = os.Stderr
	text, err := command.Output()
	var line hashLine
	if err == nil {
		err = json.Unmarshal(text, &line)
	}
	if err != nil {
		return 0, fmt.Errorf("hashing a clip: %w", err)
	}
	return float64(line.Frames) / (command.ProcessState.UserTime() + command.ProcessState.SystemTime()).Seconds(), nil
}
