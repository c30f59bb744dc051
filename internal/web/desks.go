package web

import (
	"github.com/brdoproject/brdo/internal/desk/alarms"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/journey"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/notices"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/desk/statistics"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/peer"
)

// Desks are what the pages show and call.
type Desks struct {
	Lists      *lists.Desk
	Intake     *intake.Desk
	Triage     *triage.Desk
	Reports    *reports.Desk
	Routing    *routing.Desk
	Orders     *orders.Desk
	Notices    *notices.Desk
	Statistics *statistics.Desk
	Journey    *journey.Desk
	Alarms     *alarms.Desk
	Post       *peer.Post
}
