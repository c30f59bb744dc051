package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
)

// scanning measures what `brdo scan` does with a folder of the largest pictures.
func (c benchFiguresCommand) scanning(ctx context.Context) ([]figureRow, error) {
	if len(c.Photos) == 0 {
		return nil, nil
	}
	files, paths, err := jpegs(c.Photos[0])
	if err != nil {
		return nil, err
	}
	index := match.New()
	index.PutList(match.List{ID: "list/bench", Name: "bench", Radius: 31})
	if err := fillIndex(index, "list/bench", 0, rand.NewChaCha8([32]byte{9}), c.N); err != nil {
		return nil, err
	}
	decoder, err := media.Start(ctx, media.Options{})
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	var perSecond [2]float64 // closely, and at a first look
	for range c.Rounds {
		for i, look := range []*firstLook{lookFor(index, false), lookFor(index, index.Screens(media.FirstLookWithin))} {
			rate, err := c.scanOnce(ctx, decoder, index, paths, look)
			if err != nil {
				return nil, err
			}
			perSecond[i] = max(perSecond[i], rate)
		}
	}
	peer, beside, err := c.hashedTogether(ctx, paths)
	if err != nil {
		return nil, err
	}
	if peer > 0 {
		beside = fmt.Sprintf("%s: %.0f a second (%.1f×; %.1f× at a first look)", beside, peer, perSecond[0]/peer, perSecond[1]/peer)
	}
	return []figureRow{{
		fmt.Sprintf("a folder of %s, on %d cores: read, three digests, decoded in the enclosed child, compared with %d entries", about(files), runtime.GOMAXPROCS(0), c.N),
		fmt.Sprintf("%.0f files a second closely, %.0f at a first look", perSecond[0], perSecond[1]), beside,
	}}, nil
}

func (c benchFiguresCommand) scanOnce(ctx context.Context, decoder *media.Service, index *match.Index, paths []string, look *firstLook) (perSecond float64, err error) {
	// As many as the processes of the reference hash together, so that beginning and end weigh as much.
	candidates := find(slices.Repeat(paths, runtime.GOMAXPROCS(0)*c.Rounds))
	begun := time.Now()
	err = examine(ctx, decoder, candidates, false, videoWork{}, look, func(e examined) error {
		compare(index, e)
		return e.Err
	})
	return float64(len(candidates)) / time.Since(begun).Seconds(), err
}

// hashedTogether lets one process of the reference a core hash the same files, and nothing else. 0 where it is not there.
func (c benchFiguresCommand) hashedTogether(ctx context.Context, paths []string) (perSecond float64, what string, err error) {
	if c.Peers == "" {
		return 0, "", nil
	}
	cores := runtime.GOMAXPROCS(0)
	failed := make([]error, cores)
	var group sync.WaitGroup
	begun := time.Now()
	for i := range failed {
		group.Go(func() {
			failed[i] = exec.CommandContext(ctx, filepath.Join(c.Peers, "pdq"), append([]string{"nn512", strconv.Itoa(c.Rounds)}, paths...)...).Run()
		})
	}
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		return 0, "", fmt.Errorf("measuring beside pdq: %w", err)
	}
	return float64(cores*c.Rounds*len(paths)) / time.Since(begun).Seconds(), fmt.Sprintf("%d processes of the reference that only hash, nn512", cores), nil
}
