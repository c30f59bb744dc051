package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/scene"
	"github.com/brdoproject/brdo/internal/media"
)

// likeness is a picture whose scene, or a part of it, a file shows.
type likeness struct {
	Picture string `json:"picture"`
	scene.Likeness
	said string
}

// described is what is known of the scene of one file.
type described struct {
	candidate
	media.Scene
	Status string
	Detail string
	likes  []likeness
}

func describeOne(ctx context.Context, decoder *media.Service, c candidate) (d described) {
	d.candidate = c
	fail := func(err error) described {
		d.Status, d.Detail, d.Err = statusUnreadableFile, err.Error(), err
		return d
	}
	file, err := c.open()
	if err != nil {
		return fail(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fail(err)
	}
	if d.Scene, err = decoder.Scene(ctx, file, info.Size()); err != nil {
		return fail(fmt.Errorf("decoding: %w", err))
	}
	d.Status, d.Detail = string(d.Scene.Status), d.Scene.Detail
	return d
}

// comparable reports whether the scene could be compared.
func (d described) comparable() bool {
	return d.Err == nil && d.Scene.Status.Decoded() && d.Features.Enough()
}

// runLike looks for the scenes of pictures in files.
func (c scanCommand) runLike(ctx context.Context, w world) error {
	if len(c.List) > 0 || c.Videos != "" {
		return problem.InvalidField("like", "scenes are not looked for together with lists or videos", "ask for each by itself")
	}
	decoder, err := media.Start(ctx, media.Options{AllowUnsandboxed: c.Unsafe})
	if err != nil {
		return err
	}
	defer decoder.Close()
	begun := time.Now()
	known, omitted, err := c.loadScenes(ctx, decoder, w)
	if err != nil {
		return err
	}
	candidates := find(c.Paths)
	shown := newProgress(w, "looking for scenes", candidates)
	defer shown.end()
	out := bufio.NewWriter(w.out)
	var files, hits, left int
	err = inOrder(ctx, candidates, func(ctx context.Context, one candidate) described {
		d := describeOne(ctx, decoder, one)
		if d.comparable() {
			d.likes = likenesses(d.Features, known)
		}
		return d
	}, func(d described) error {
		shown.add(d.candidate.Size)
		files++
		hits += len(d.likes)
		for i := range d.likes {
			if err := c.write(out, scanLine{Path: d.Path, Status: d.Status, Like: &d.likes[i]}); err != nil {
				return err
			}
		}
		if d.Status != string(media.StatusOK) {
			left++
			if err := c.write(out, scanLine{Path: d.Path, Status: d.Status, Detail: d.Detail}); err != nil {
				return err
			}
		}
		if w.terminal {
			return out.Flush()
		}
		return nil
	})
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return fmt.Errorf("looking for scenes: %w", err)
	}
	shown.end()
	fmt.Fprintf(w.err, "%d files compared with the scenes of %d pictures in %s: %d alike, %d files not wholly compared. A person must look at each.\n",
		files, len(known), time.Since(begun).Round(time.Millisecond), hits, left)
	if omitted > 0 {
		return incomplete(fmt.Sprintf("%d of the pictures to look for were left out", omitted))
	}
	if left > 0 {
		return incomplete("not everything could be compared; see the lines whose status is not \"ok\"")
	}
	return nil
}

// loadScenes describes the pictures to look for, and says which are left out and why.
func (c scanCommand) loadScenes(ctx context.Context, decoder *media.Service, w world) (known []described, omitted int, err error) {
	candidates := find(c.Like)
	shown := newProgress(w, "reading pictures", candidates)
	defer shown.end()
	err = inOrder(ctx, candidates, func(ctx context.Context, one candidate) described { return describeOne(ctx, decoder, one) }, func(d described) error {
		shown.add(d.candidate.Size)
		if !d.comparable() {
			omitted++
			fmt.Fprintf(w.err, "brdo: %s cannot be looked for: %s: %s\n", printable(d.Path), d.Status, d.Detail)
			return nil
		}
		known = append(known, d)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading the pictures to look for: %w", err)
	}
	if len(known) == 0 {
		return nil, 0, problem.InvalidField("like", "none of the pictures can be looked for", "name a picture that can be decoded and is not plain")
	}
	return known, omitted, nil
}

// likenesses are the known pictures that show the same scene, the surest first.
func likenesses(features scene.Features, known []described) []likeness {
	var found []likeness
	for _, k := range known {
		if r := scene.Compare(features, k.Features); r.Found {
			found = append(found, likeness{k.Path, r.Likeness(), r.String()})
		}
	}
	slices.SortStableFunc(found, func(a, b likeness) int { return cmp.Compare(b.Places, a.Places) })
	return found
}

func (l *likeness) write(out io.Writer, path string) error {
	_, err := fmt.Fprintf(out, "like        %s  %s  %s  (%d places, %.0f %%)\n", printable(path), printable(l.Picture), l.said, l.Places, 100*l.Support)
	return err
}
