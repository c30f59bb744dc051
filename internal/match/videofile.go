package match

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/video"
)

// The file of videos is its magic and version and, for each video, the number of its row, the length of its frames in
// bytes, and these in the form of [video.Pack]. The file of entries names its SHA-256.
const (
	videosMagic   = "brdo match video"
	videosVersion = 1
	// maxPacked is far above what an entry can have.
	maxPacked = 1 << 30
)

// writeVideos writes the videos by the numbers of their rows, and returns the digest of all that was written.
func writeVideos(to io.Writer, of map[uint32]*film) ([]byte, error) {
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(to, sum), 1<<20)
	_, _ = out.WriteString(videosMagic) // Flush returns its error, as for all that follows
	_, _ = out.Write(binary.LittleEndian.AppendUint32(nil, videosVersion))
	for _, number := range slices.Sorted(maps.Keys(of)) {
		packed := of[number].packed
		_, _ = out.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, number), uint32(len(packed))))
		_, _ = out.Write(packed)
	}
	err := out.Flush()
	return sum.Sum(nil), err
}

// openVideos reads what writeVideos wrote and files it; digest is the one that it must have. An error is that of
// reading, or [impossible].
func (x *Index) openVideos(path string, digest []byte) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return impossible("the file of videos beside it is missing")
	}
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), digest) {
		return impossible("the file of videos beside it is another one, or damaged")
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return x.readVideos(bufio.NewReaderSize(file, 1<<20))
}

func (x *Index) readVideos(in io.Reader) error {
	head := make([]byte, len(videosMagic)+4)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:len(videosMagic)]) != videosMagic || binary.LittleEndian.Uint32(head[len(videosMagic):]) != videosVersion {
		return impossible("the file of videos does not begin like one")
	}
	var codes []hamming.Entry
	for {
		var about [8]byte
		if _, err := io.ReadFull(in, about[:]); err == io.EOF {
			break
		} else if err != nil {
			return impossible("a video is cut off")
		}
		number, length := binary.LittleEndian.Uint32(about[:]), binary.LittleEndian.Uint32(about[4:])
		switch {
		case number == 0 || number > x.rows.count || !x.rows.at(number).is(isLive) || !x.rows.at(number).is(hasFrames):
			return impossible("a video has no row")
		case x.videos.of[number] != nil:
			return impossible("a row has two videos")
		case length > maxPacked:
			return impossible("a video is too long")
		}
		packed, err := io.ReadAll(io.LimitReader(in, int64(length)))
		if err != nil {
			return err
		}
		if len(packed) != int(length) {
			return impossible("a video is cut off")
		}
		features, err := video.Unpack(packed)
		if err != nil {
			return impossible(err.Error())
		}
		codes = x.videos.put(number, slices.Clip(packed), features, codes)
	}
	for number := uint32(1); number <= x.rows.count; number++ {
		if r := x.rows.at(number); r.is(hasFrames) && x.videos.of[number] == nil {
			return impossible("a row has no video")
		}
	}
	var err error
	if x.videos.codes, err = hamming.Build(codes); err != nil {
		return fmt.Errorf("filling the index of frames: %w", err)
	}
	return nil
}
