package triage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/store"
)

// Grid is how many tiles a region view has along each side.
const Grid = 4

// Look is how much a person asks to see.
type Look struct {
	Level item.Level `json:"level"`
	// Column and Row name a tile of the grid, at item.LevelRegion.
	Column int `json:"column"`
	Row    int `json:"row"`
}

// pictureTime is how long after the request its picture can be fetched.
const pictureTime = 2 * time.Minute

// View records that a person is about to be shown something of an item, and
// returns the exposure under which the picture can be fetched. Only the person
// who has the item may ask; at an authority, whoever investigates a report that
// is open there.
func (d *Desk) View(ctx context.Context, actor mandate.Actor, id string, look Look) (string, error) {
	return d.view(ctx, actor, id, look, "")
}

// view is [Desk.View], beside a view of another item that it does not end.
func (d *Desk) view(ctx context.Context, actor mandate.Actor, id string, look Look, beside string) (exposure string, err error) {
	err = d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemView, id), func(tx *ledger.Tx) error {
		if look.Level <= item.LevelNone || look.Level > item.LevelFull || look.Column < 0 || look.Row < 0 || look.Column >= Grid || look.Row >= Grid {
			return problem.InvalidField("level", "it is neither sketch, region nor full, or the tile is outside the grid", "ask for one of them")
		}
		if exposure, err = d.expose(tx, actor, id, look, beside); err != nil {
			return err
		}
		if d.investigates(actor) {
			return openCase(tx.Tx, id)
		}
		return d.change(tx, id, item.Event{Kind: item.View, Person: actor.ID, Level: look.Level}, nil)
	})
	return exposure, err
}

// expose writes that a person is about to be shown something of an item, unless that person
// has a break, or the content is not here or is shown to nobody. It ends what the person was
// shown before, but for what this is shown beside.
func (d *Desk) expose(tx *ledger.Tx, actor mandate.Actor, id string, look Look, beside string) (string, error) {
	workload, breaks, err := d.workload(tx, actor.ID)
	if err != nil {
		return "", err
	}
	if workload.Lock.Locked(tx.Now) {
		return "", errOnBreak(workload.Lock.Until, tx.Now)
	}
	row, err := tx.Item(id)
	if err != nil {
		return "", err
	}
	switch row.Content {
	case store.ContentElsewhere:
		return "", problem.New(problem.Conflict, "the content is still where it was reported from", "open the item first")
	case store.ContentErased:
		return "", errErased
	}
	if err := d.withheld(tx.Tx, actor, id); err != nil {
		return "", err
	}
	request, err := json.Marshal(look)
	if err != nil {
		return "", fmt.Errorf("writing a view: %w", err)
	}
	if beside == "" {
		if err := tx.EndExposuresOf(actor.ID, tx.Now); err != nil {
			return "", err
		}
	}
	exposure := store.NewID("exposure")
	tx.Note("level", look.Level.String())
	tx.Note("exposure", exposure)
	return exposure, tx.InsertExposure(store.ExposureRow{
		ID: exposure, ItemID: id, Person: actor.ID, Level: look.Level.String(), Points: breaks.Points[look.Level.String()], From: tx.Now, Request: request,
	})
}

// Picture renders what an exposure was recorded for. It is made by this node
// from the sealed content: nothing else ever reaches a browser.
func (d *Desk) Picture(ctx context.Context, actor mandate.Actor, exposure string) (media.Picture, error) {
	var row store.ExposureRow
	var film *media.StripRequest
	act := d.act(actor, mandate.ItemView, "")
	err := d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) (err error) {
		if row, err = tx.Exposure(exposure); err != nil {
			return err
		}
		tx.Concerns(row.ItemID)
		tx.Note("exposure", exposure)
		tx.Note("rendered", row.Level)
		if row.Person != actor.ID || !row.Until.IsZero() || tx.Now.Sub(row.From) > pictureTime {
			return problem.New(problem.Expired, "this view is over", "ask for it again")
		}
		if film, err = d.film(tx.Tx, row.ItemID); err != nil {
			return err
		}
		return d.withheld(tx.Tx, actor, row.ItemID)
	})
	if err != nil {
		return media.Picture{}, err
	}
	var look Look
	if err := json.Unmarshal(row.Request, &look); err != nil {
		return media.Picture{}, fmt.Errorf("reading a view: %w", err)
	}
	content, err := d.options.Content.Open(ctx, row.ItemID)
	if err != nil {
		return media.Picture{}, err
	}
	defer content.Close()
	if film != nil {
		return shown(d.options.Decoder.Strip(ctx, content, content.Size(), stripOf(*film, look)))
	}
	request := media.PreviewRequest{Kind: media.Full}
	switch look.Level {
	case item.LevelSketch:
		request.Kind = media.Sketch
	case item.LevelRegion:
		request.Kind, request.Region = media.Tile, media.Region{Column: look.Column, Row: look.Row, Columns: Grid, Rows: Grid}
	}
	return shown(d.options.Decoder.Preview(ctx, content, content.Size(), request))
}

// shown refuses what is no picture.
func shown(picture media.Picture, err error) (media.Picture, error) {
	if err != nil {
		return media.Picture{}, err
	}
	if picture.Status != media.StatusOK && len(picture.Data) == 0 {
		return media.Picture{}, problem.Newf(problem.Invalid, "the picture cannot be shown: %s", picture.Status)
	}
	return picture, nil
}

// EndView records that a person is not being shown it any more. To end a view
// again changes nothing, because browsers repeat what they send while a page
// goes away.
//
// Errors: Denied when it is a view of somebody else's; NotFound.
func (d *Desk) EndView(ctx context.Context, actor mandate.Actor, exposure string) error {
	return d.options.Ledger.Do(ctx, d.act(actor, mandate.ExposureEnd, ""), func(tx *ledger.Tx) error {
		row, err := tx.Exposure(exposure)
		if err != nil {
			return err
		}
		tx.Concerns(row.ItemID)
		if row.Person != actor.ID {
			return problem.New(problem.Denied, "the view is somebody else's", "end your own; another's ends with their next step")
		}
		tx.Note("exposure", exposure)
		if row.Until.IsZero() {
			if err := tx.EndExposure(exposure, actor.ID, tx.Now); err != nil {
				return err
			}
			tx.Note("seconds", int(tx.Now.Sub(row.From).Seconds()))
		} else {
			tx.Note("repeated", true)
		}
		// A limit that is reached now begins its break now.
		workload, _, err := d.workload(tx, actor.ID)
		if err != nil || workload.Lock.Until.IsZero() {
			return err
		}
		return tx.PutLock(actor.ID, workload.Lock.From, workload.Lock.Until)
	})
}
