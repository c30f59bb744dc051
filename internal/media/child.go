package media

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
)

// childArgument is the reserved first argument that turns the binary into a
// decoder.
const childArgument = "brdo-media-child"

// childConfig travels as arguments: the environment is not trusted with it.
type childConfig struct {
	memory           int64
	processorSeconds uint64
	maxBytes         int64
	maxPixels        int64
	mustEnclose      bool
	without          layers
}

func (config childConfig) arguments() []string {
	return []string{
		childArgument,
		strconv.FormatInt(config.memory, 10),
		strconv.FormatUint(config.processorSeconds, 10),
		strconv.FormatInt(config.maxBytes, 10),
		strconv.FormatInt(config.maxPixels, 10),
		strconv.FormatBool(config.mustEnclose),
		strconv.FormatUint(uint64(config.without), 10),
	}
}

func parseChildArguments(arguments []string) (childConfig, error) {
	if len(arguments) != 7 || arguments[0] != childArgument {
		return childConfig{}, errors.New("a media child is started by the node only")
	}
	var config childConfig
	var failures [6]error
	config.memory, failures[0] = strconv.ParseInt(arguments[1], 10, 64)
	config.processorSeconds, failures[1] = strconv.ParseUint(arguments[2], 10, 64)
	config.maxBytes, failures[2] = strconv.ParseInt(arguments[3], 10, 64)
	config.maxPixels, failures[3] = strconv.ParseInt(arguments[4], 10, 64)
	config.mustEnclose, failures[4] = strconv.ParseBool(arguments[5])
	without, err := strconv.ParseUint(arguments[6], 10, 8)
	config.without, failures[5] = layers(without), err
	if err := errors.Join(failures[:]...); err != nil {
		return childConfig{}, fmt.Errorf("reading the arguments of a media child: %w", err)
	}
	if config.maxBytes < 0 || config.maxBytes > ceilingBytes || config.maxPixels < 1 || config.maxPixels > ceilingPixels {
		return childConfig{}, errors.New("limits of a media child out of bounds")
	}
	return config, nil
}

// IsChild reports whether the process was started as a decoder. main, and
// TestMain of every test binary that starts a [Service], asks this first and
// then calls [RunChild]. The argument is os.Args.
func IsChild(arguments []string) bool {
	return len(arguments) > 1 && (arguments[1] == childArgument || arguments[1] == playerArgument)
}

// RunChild shuts the process in, serves requests on standard input until it is
// closed, and exits; or becomes ffmpeg. It does not return.
func RunChild() {
	if os.Args[1] == playerArgument {
		fmt.Fprintln(os.Stderr, "video child:", play(os.Args[1:], os.Stdout))
		os.Exit(1)
	}
	if err := serve(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "media child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(arguments []string, in io.Reader, out io.Writer) error {
	config, err := parseChildArguments(arguments)
	if err != nil {
		return err
	}
	achieved := enclose(config)
	if err := writeReply(out, 0, kindHello, achieved.encode()); err != nil {
		return fmt.Errorf("saying hello: %w", err)
	}
	if config.mustEnclose && !achieved.complete() {
		return fmt.Errorf("not enclosed: %s", achieved.missing)
	}
	// A child lives for one file after another: it collects seldom, and early only where
	// the memory that it may map gets scarce.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(config.memory / 2)
	buffered := bufio.NewReader(in)
	for {
		asked, content, err := readRequest(buffered, config.maxBytes, config.maxPixels)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		kind, payload, stream, err := answer(asked, content, config.maxPixels)
		if err != nil {
			return err
		}
		if err := writeReply(out, asked.id, kind, payload); err != nil {
			return fmt.Errorf("replying: %w", err)
		}
		behind := bufio.NewWriterSize(out, 64<<10)
		for _, part := range stream {
			_, _ = behind.Write(part) // Flush tells
		}
		if err := behind.Flush(); err != nil {
			return fmt.Errorf("replying: %w", err)
		}
	}
}

// answer is a function of the request alone: nothing of an earlier one is left
// for it to depend on.
func answer(asked request, content []byte, maxPixels int64) (kind requestKind, payload []byte, stream [][]byte, err error) {
	switch asked.kind {
	case kindInsets:
		return asked.kind, insets(content, maxPixels), nil, nil
	case kindFingerprint, kindFirstLook, kindWideLook, kindScene, kindPreview:
		r, stream, about, coded := plan(content, maxPixels)
		switch {
		case coded && about.status == StatusOK:
			return kindRecipe, r.encode(), stream, nil
		case coded:
			return asked.kind, encodeNothing(asked.kind, about), nil, nil
		case asked.kind == kindPreview:
			return asked.kind, encodePreview(preview(content, asked.preview, maxPixels)), nil, nil
		case asked.kind == kindScene:
			return asked.kind, encodeScene(sceneOf(content, maxPixels)), nil, nil
		}
		return asked.kind, encodeFingerprint(fingerprint(content, asked.kind, maxPixels)), nil, nil
	case kindPictureFingerprint, kindPictureScene, kindPicturePreview:
		picture, about, err := assemble(content, maxPixels)
		if err != nil {
			return 0, nil, nil, err
		}
		switch {
		case asked.kind == kindPictureFingerprint:
			found := about.fingerprint()
			found.hash(picture)
			return asked.kind, encodeFingerprint(found), nil, nil
		case asked.kind == kindPictureScene:
			return asked.kind, encodeScene(about.described(picture)), nil, nil
		case about.status == StatusPartial:
			about.status = StatusUnreadable
			return asked.kind, encodePreview(about, samples{}), nil, nil
		}
		asked.preview = asked.preview.complete()
		return asked.kind, encodePreview(about, render(shrink(picture, asked.preview.MaxSide), asked.preview)), nil, nil
	default:
		return asked.kind, encodeChecks(tryEverything()), nil, nil
	}
}

// encodeNothing is the answer about a file of which there is no picture.
func encodeNothing(kind requestKind, about outcome) []byte {
	switch kind {
	case kindPreview:
		return encodePreview(about, samples{})
	case kindScene:
		return encodeScene(about.scene())
	}
	return encodeFingerprint(about.fingerprint())
}
