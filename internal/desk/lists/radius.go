package lists

import (
	"context"
	"fmt"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// A narrower radius takes matches away, as suspending entries does, so one person makes it. A
// wider one makes all entries of a list match more, or a list of look-alikes hide more: one
// person asks for it, another confirms it. Both are versions of the list.
const (
	radiusRequested = "radius-request"
	radiusChanged   = "radius"
)

// ChangeRadius makes the PDQ distance that is a match narrower at once, or asks for a wider one
// and returns the request's number, with which another person confirms it (see
// [Desk.ConfirmRadius]); 0 when it was changed. What was found by the radius before stays found.
//
// Errors: Denied; NotFound; Conflict when it is that already; Invalid without a reason, or out of
// bounds.
func (d *Desk) ChangeRadius(ctx context.Context, actor mandate.Actor, list string, radius int, why string) (request int64, err error) {
	err = d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		request = 0
		if err := checkReason(why); err != nil {
			return err
		}
		if err := checkRadius(radius); err != nil {
			return err
		}
		version, err := tx.NextListVersion(list)
		if err != nil {
			return err
		}
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		if radius == head.Radius {
			return problem.Newf(problem.Conflict, "the radius is %d bits already", radius)
		}
		made := store.ListVersion{
			ListID: list, Version: version, At: tx.Now, By: actor.ID, Radius: radius,
			Format: radiusChanged, Reason: fmt.Sprintf("radius %d to %d bits: %s", head.Radius, radius, why),
		}
		tx.Note("radius_before", head.Radius)
		if radius > head.Radius {
			request, made.Format, made.Reason = version, radiusRequested, "asked for "+made.Reason
			tx.Note("radius_requested", radius)
		} else {
			tx.Note("radius", radius)
			if err := tx.SetListRadius(list, radius); err != nil {
				return err
			}
		}
		tx.AfterCommit(d.follow)
		return tx.InsertListVersion(made)
	})
	return request, err
}

// ConfirmRadius makes the radius as wide as another person asked in the last seven days, and
// returns it. All entries are compared again with what is held here.
//
// Errors: Denied for whoever asked, or when nobody did; NotFound; Conflict when the radius was
// changed since; Expired.
func (d *Desk) ConfirmRadius(ctx context.Context, actor mandate.Actor, list string, request int64) (radius int, err error) {
	confirm := act(actor, mandate.ListEntryAdd, mandate.PurposeListManagement, list)
	confirm.Find = func(tx *store.Tx) (access.Resource, error) {
		asked, _, err := radiusRequest(tx, list, request)
		return access.Resource{ID: list, Author: asked.By}, err
	}
	err = d.ledger.Do(ctx, confirm, func(tx *ledger.Tx) error {
		version, err := tx.NextListVersion(list)
		if err != nil {
			return err
		}
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		asked, settled, err := radiusRequest(tx.Tx, list, request)
		switch {
		case err != nil:
			return err
		case settled:
			return problem.New(problem.Conflict, "the radius was changed since this was asked for", "look at it and ask again")
		case tx.Now.Sub(asked.At) > requestLifetime:
			return problem.New(problem.Expired, "this request is older than seven days", "ask again")
		}
		radius = asked.Radius
		tx.Note("request", request)
		tx.Note("radius_before", head.Radius)
		tx.Note("radius", radius)
		if err := tx.SetListRadius(list, radius); err != nil {
			return err
		}
		if err := tx.RestartComparison(list, tx.Now); err != nil {
			return err
		}
		if err := d.changed(tx, list); err != nil {
			return err
		}
		return tx.InsertListVersion(store.ListVersion{
			ListID: list, Version: version, At: tx.Now, By: actor.ID, Radius: radius, Format: radiusChanged,
			Reason: fmt.Sprintf("confirmed: radius %d to %d bits, as asked for in version %d", head.Radius, radius, request),
		})
	})
	return radius, err
}

// OfRadius reports whether a version changed the radius, or asked for that.
func OfRadius(v store.ListVersion) bool {
	return v.Format == radiusRequested || v.Format == radiusChanged
}

func checkRadius(radius int) error {
	if radius < 0 || radius > match.MaximumRadius {
		return problem.InvalidField("radius", fmt.Sprintf("it is not between 0 and %d bits", match.MaximumRadius), "31 is usual")
	}
	return nil
}

// radiusRequest returns the request of a number, empty when there is none, and whether the
// radius was changed since.
func radiusRequest(tx *store.Tx, list string, request int64) (asked store.ListVersion, settled bool, err error) {
	return latestRadius(tx, list, func(v store.ListVersion) bool { return v.Version == request })
}

// openRadiusRequest returns the latest request that can be confirmed; empty when there is none.
func openRadiusRequest(tx *ledger.Tx, list string) (asked store.ListVersion, err error) {
	asked, settled, err := latestRadius(tx.Tx, list, func(store.ListVersion) bool { return true })
	if settled || tx.Now.Sub(asked.At) > requestLifetime {
		asked = store.ListVersion{}
	}
	return asked, err
}

// latestRadius returns the latest request for another radius that is wanted, and whether the
// radius was changed since.
func latestRadius(tx *store.Tx, list string, wanted func(store.ListVersion) bool) (asked store.ListVersion, settled bool, err error) {
	versions, err := tx.ListVersions(list, requestReach)
	for _, v := range versions { // the newest first
		switch {
		case v.Format == radiusRequested && wanted(v):
			return v, settled, err
		case v.Format == radiusChanged:
			settled = true
		}
	}
	return asked, settled, err
}
