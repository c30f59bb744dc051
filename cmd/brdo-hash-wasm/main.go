//go:build js && wasm

// Command brdo-hash-wasm is the hash of the node for a browser: the same Go code, compiled to WebAssembly, so that a
// picture can be hashed on the device of the person who holds it and only the hash leaves it.
//
//	GOOS=js GOARCH=wasm go build -trimpath -ldflags="-s -w" -o brdo-hash.wasm ./cmd/brdo-hash-wasm
//
// It is run by wasm_exec.js of the same version of Go ($(go env GOROOT)/lib/wasm). When it has started, the object brdoHash is there:
//
//	brdoHash.pixels(data, width, height)  // data: Uint8Array or Uint8ClampedArray of RGBA, as getImageData gives it
//	brdoHash.jpeg(data)                   // data: Uint8Array, a JPEG file
//
// Both answer
//
//	{width, height,                 // in pixels
//	 pdq, quality,                  // of the picture at its full size: 64 hexadecimal digits; 0 to 100
//	 pdqNearest, qualityNearest,    // after the reduction to 512 by 512 that some lists were made with
//	 read}                          // the share of the picture that could be read, 1 when it is whole
//
// or {error}, a sentence. A hash of quality below 50 ([pdq.MinimumQuality]) is not to be matched.
//
// The hashes of pixels are those of the node for the same pixels, in every bit. Those of a JPEG file are the node's for the same file: it reads the
// file as the node does, not as the browser draws it. Kinds of JPEG that it does not read (CMYK, twelve bits, arithmetic coding) are an error; the
// browser can draw them and have the pixels hashed. A browser that protects against fingerprinting may change what getImageData gives: whoever hashes
// pixels of a canvas is to check first that it returns what was painted.
//
// Nothing is sent anywhere, and nothing is kept.
package main

import (
	"errors"
	"image"
	"syscall/js"

	"github.com/brdoproject/brdo/engine/luma"
	"github.com/brdoproject/brdo/engine/pdq"
)

// maxPixels bounds a picture, as the node's own limit does.
const maxPixels = 64 << 20

func main() {
	js.Global().Set("brdoHash", map[string]any{
		"pixels": js.FuncOf(func(_ js.Value, arguments []js.Value) any { return answer(pixels(arguments)) }),
		"jpeg":   js.FuncOf(func(_ js.Value, arguments []js.Value) any { return answer(jpeg(arguments)) }),
	})
	select {}
}

func answer(found pdq.JPEG, err error) any {
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{
		"width": found.Full.Width, "height": found.Full.Height, "read": found.Read,
		"pdq": found.Full.Hash.String(), "quality": found.Full.Quality,
		"pdqNearest": found.Nearest.Hash.String(), "qualityNearest": found.Nearest.Quality,
	}
}

func pixels(arguments []js.Value) (pdq.JPEG, error) {
	if len(arguments) != 3 || arguments[1].Type() != js.TypeNumber || arguments[2].Type() != js.TypeNumber {
		return pdq.JPEG{}, errors.New("give the pixels, the width and the height")
	}
	width, height := arguments[1].Int(), arguments[2].Int()
	if width < 1 || height < 1 || width > maxPixels/height {
		return pdq.JPEG{}, errors.New("the picture is empty or too large")
	}
	data, err := bytesOf(arguments[0], 4*maxPixels)
	if err != nil {
		return pdq.JPEG{}, err
	}
	if len(data) != 4*width*height {
		return pdq.JPEG{}, errors.New("the pixels are not four bytes for each of width times height")
	}
	picture := &image.NRGBA{Pix: data, Stride: 4 * width, Rect: image.Rect(0, 0, width, height)}
	return pdq.JPEG{Forms: pdq.ComputeForms(picture), Read: 1}, nil
}

// jpeg hashes a file by the same steps as the node.
func jpeg(arguments []js.Value) (pdq.JPEG, error) {
	if len(arguments) != 1 {
		return pdq.JPEG{}, errors.New("give the file")
	}
	data, err := bytesOf(arguments[0], 4*maxPixels)
	if err != nil {
		return pdq.JPEG{}, err
	}
	found, err := pdq.FromJPEG(data, luma.Options{MaxPixels: maxPixels})
	if err != nil || found.Settled() {
		return found, err
	}
	picture, read, err := luma.DecodeJPEG(data, maxPixels)
	switch {
	case err == nil && read == 1:
		return pdq.JPEG{Forms: pdq.ComputeForms(picture), Read: 1}, nil
	case found.Read < pdq.EnoughRead:
		return pdq.JPEG{}, errors.New("hardly anything of the file could be read")
	default:
		return found, nil
	}
}

func bytesOf(value js.Value, most int) ([]byte, error) {
	if !value.InstanceOf(js.Global().Get("Uint8Array")) && !value.InstanceOf(js.Global().Get("Uint8ClampedArray")) {
		return nil, errors.New("give a Uint8Array or a Uint8ClampedArray")
	}
	length := value.Length()
	if length > most {
		return nil, errors.New("the file is too large")
	}
	data := make([]byte, length)
	js.CopyBytesToGo(data, value)
	return data, nil
}
