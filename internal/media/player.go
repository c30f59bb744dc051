package media

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// playerArgument is the reserved first argument that turns the binary into one that shuts itself in and
// becomes ffmpeg.
const playerArgument = "brdo-video-child"

// playerConfig travels as arguments, as [childConfig] does.
type playerConfig struct {
	program          string
	memory           int64
	processorSeconds uint64
	maxPixels        int64
	maxFrames        int64
	mustEnclose      bool
	without          layers
	// For the frames of a picture, as its [recipe] says.
	codec        codec
	matrix, span byte
}

func (config playerConfig) arguments() []string {
	return []string{
		playerArgument, config.program,
		strconv.FormatInt(config.memory, 10),
		strconv.FormatUint(config.processorSeconds, 10),
		strconv.FormatInt(config.maxPixels, 10),
		strconv.FormatInt(config.maxFrames, 10),
		strconv.FormatBool(config.mustEnclose),
		strconv.FormatUint(uint64(config.without), 10),
		strconv.Itoa(int(config.codec)), strconv.Itoa(int(config.matrix)), strconv.Itoa(int(config.span)),
	}
}

func parsePlayerArguments(arguments []string) (playerConfig, error) {
	if len(arguments) != 11 || arguments[0] != playerArgument {
		return playerConfig{}, errors.New("a video child is started by the node only")
	}
	config := playerConfig{program: arguments[1]}
	var failures [7]error
	config.memory, failures[0] = strconv.ParseInt(arguments[2], 10, 64)
	config.processorSeconds, failures[1] = strconv.ParseUint(arguments[3], 10, 64)
	config.maxPixels, failures[2] = strconv.ParseInt(arguments[4], 10, 64)
	config.maxFrames, failures[3] = strconv.ParseInt(arguments[5], 10, 64)
	config.mustEnclose, failures[4] = strconv.ParseBool(arguments[6])
	without, err := strconv.ParseUint(arguments[7], 10, 8)
	config.without, failures[5] = layers(without), err
	for i, field := range []*byte{(*byte)(&config.codec), &config.matrix, &config.span} {
		value, err := strconv.ParseUint(arguments[8+i], 10, 8)
		if err == nil && value > uint64([]byte{byte(codecJXL), matrix2020, spanFull}[i]) {
			err = errors.New("out of range")
		}
		*field, failures[6] = byte(value), errors.Join(failures[6], err)
	}
	if err := errors.Join(failures[:]...); err != nil {
		return playerConfig{}, fmt.Errorf("reading the arguments of a video child: %w", err)
	}
	return config, nil
}

// What ffmpeg may make use of, by its own names. Formats that lead to other files (playlists, concatenations,
// devices, filters as input) are not among them, nor are decoders of sound and subtitles.
var (
	demuxers = []string{"mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "ogg", "asf"}
	decoders = []string{
		"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "msmpeg4v2", "msmpeg4", "mpeg1video", "mpeg2video",
		"h263", "flv", "mjpeg", "theora", "wmv1", "wmv2", "wmv3", "vc1",
	}
)

// refusedCodec is how ffmpeg says that it met a codec that is not in the list; sound always is one.
const refusedCodec = "not on whitelist"

// input is standard input as a file, because most formats need to be read out of order.
const input = "/proc/self/fd/0"

// planar are the formats of frames whose plane of luminance is taken as it is; others are converted to the nearest of these.
var planar = []string{
	"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuvj440p", "yuv411p", "yuvj411p", "yuv410p", "gray",
}

// ffmpeg is its command: the first video stream that is not a cover picture, its frames as they are stored, none left out or
// repeated, not turned, not scaled, their luminance with the levels that it has, behind one another.
func (config playerConfig) ffmpeg() []string {
	if config.codec != codecNone {
		return config.still()
	}
	return append(config.start(strings.Join(demuxers, ","), strings.Join(decoders, ",")),
		"-i", "file:"+input,
		"-map", "0:V:0", "-map_metadata", "-1", "-filter_threads", "1", "-fps_mode", "passthrough", "-frames:v", strconv.FormatInt(config.maxFrames, 10),
		"-vf", "format="+strings.Join(planar, "|")+",extractplanes=y", "-f", "yuv4mpegpipe", "pipe:1")
}

// start is how every command begins.
func (config playerConfig) start(demuxers, decoders string) []string {
	return []string{
		"ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-loglevel", "repeat+level+info",
		"-threads", "1", "-noautorotate", "-max_pixels", strconv.FormatInt(config.maxPixels, 10),
		"-protocol_whitelist", "file", "-format_whitelist", demuxers, "-codec_whitelist", decoders,
	}
}

// findPlayer is the path of ffmpeg; empty when it is not installed.
func findPlayer() string {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return ""
	}
	return path
}
