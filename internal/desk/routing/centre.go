package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Begin makes a matter of a report that the Centre takes in, in the transaction
// that stores it: from then on the Centre is responsible.
func (d *Desk) Begin(tx *ledger.Tx, row store.ReceivedReport) error {
	rules, err := d.rules(d.options.Rules)
	if err != nil {
		return err
	}
	m := referral.NewMatter(rules, row.ID, row.Sender, row.Urgent, tx.Now)
	body, err := written("a matter", m)
	if err != nil {
		return err
	}
	at, _ := m.Next()
	if err := tx.InsertMatter(store.MatterRow{ID: row.ID, State: string(m.State), Urgent: m.Urgent, Until: at, Body: body, ChangedAt: tx.Now}); err != nil {
		return err
	}
	r, err := report.Parse(row.Body)
	if err != nil {
		return err
	}
	// For the figures of Article 83(3), which are counted from the log alone.
	tx.Note("types", r.Form.Types)
	tx.Note("service", r.Form.Service.Type)
	if err := d.sight(tx, tell{row.ID, row.Sender, row.SenderName, row.Envelope}, r); err != nil {
		return err
	}
	return wake(tx, matterClock, row.ID, at)
}

func matterOf(tx *store.Tx, id string) (store.MatterRow, referral.Matter, error) {
	row, err := tx.Matter(id)
	if err != nil {
		return row, referral.Matter{}, err
	}
	m, err := read[referral.Matter]("matter", id, row.Body)
	return row, m, err
}

// apply applies an event to a matter and does what follows.
func (d *Desk) apply(tx *ledger.Tx, id string, event referral.Event) error {
	row, before, err := matterOf(tx.Tx, id)
	if err != nil {
		return err
	}
	rules, err := d.rules(before.Profile)
	if err != nil {
		return err
	}
	after, effects, err := before.Apply(rules, event, tx.Now)
	if err != nil {
		return err
	}
	if row.Body, err = written("a matter", after); err != nil {
		return err
	}
	at, _ := after.Next()
	row.State, row.Urgent, row.Until, row.ChangedAt = string(after.State), after.Urgent, at, tx.Now
	if err := tx.UpdateMatter(row); err != nil {
		return err
	}
	tx.Note("matter", id)
	tx.Note("event", event.Kind)
	tx.Note("state", after.State)
	if err := wake(tx, matterClock, id, at); err != nil {
		return err
	}
	received, err := tx.ReceivedReport(id)
	if err != nil {
		return err
	}
	var states []string
	for _, effect := range effects {
		if err := d.effect(tx, received, after, effect); err != nil {
			return err
		}
		if effect.Kind == referral.SendOffer {
			at := slices.IndexFunc(after.Offers, func(o referral.Offer) bool { return o.Authority == effect.To })
			states = append(states, after.Offers[at].Country)
		}
	}
	if len(states) > 0 {
		tx.Note("offered_states", states)
	}
	return d.tellSender(tx, received, before, after)
}

// tellSender lets the provider follow its report: accepted once a person found
// it not unfounded, forwarded once an authority acts on it.
func (d *Desk) tellSender(tx *ledger.Tx, received store.ReceivedReport, before, after referral.Matter) error {
	switch {
	case before.State == referral.Received && after.State == referral.Assessed:
		return d.tell(tx, received, peer.Accepted, "")
	case len(before.Claimants()) == 0 && len(after.Claimants()) > 0 && before.State.Open():
		return d.tell(tx, received, peer.Forwarded, "")
	}
	return nil
}

// tell says to the provider how far its report has come. What cannot be said any
// more, because it was told the end before, must not stop what happened here: a
// person learns of it.
func (d *Desk) tell(tx *ledger.Tx, received store.ReceivedReport, status peer.Status, reason string) error {
	about := peer.Origin{Source: received.Sender, ID: received.Envelope}
	err := d.options.Post.Answer(tx, about, status, reason)
	if problem.Is(err, problem.Conflict) && status == peer.Rejected {
		// It was taken on before, so it ends now and is not refused.
		err = d.options.Post.Answer(tx, about, peer.Closed, reason)
	}
	if problem.Is(err, problem.Conflict) {
		return tx.Alarm(received.ID, fmt.Sprintf("the provider was told the end before, and is not told that it is %s now (%s)", status, reason))
	}
	return err
}

func (d *Desk) effect(tx *ledger.Tx, received store.ReceivedReport, m referral.Matter, effect referral.Effect) error {
	switch effect.Kind {
	case referral.SendOffer:
		return d.offer(tx, received, m, effect.To, "")
	case referral.TellEuropol, referral.AskEuropol:
		return d.unlessTakenBack(tx, received, effect, d.toKind(tx, received, m, mandate.Europol, effect.Reason))
	case referral.AskInterpol:
		return d.unlessTakenBack(tx, received, effect, d.toKind(tx, received, m, mandate.Interpol, effect.Reason))
	case referral.OpenCoordination, referral.TellLead:
		return d.coordinate(tx, received, m)
	case referral.TellUnfounded:
		rules, err := d.rules(m.Profile)
		if err != nil {
			return err
		}
		reason, _ := rules.UnfoundedOf(effect.Reason)
		return d.tell(tx, received, peer.Rejected, "manifestly unfounded ("+effect.Reason+"): "+reason.Reason)
	case referral.TellFeedback:
		if m.State != referral.Closed {
			return nil // others still act; the provider hears of the end
		}
		return d.tell(tx, received, peer.Closed, effect.Reason)
	case referral.TellCorrection:
		return d.correct(tx, received, effect.Reason)
	case referral.RaiseAlarm, referral.QueueSecond:
		return tx.Alarm(received.ID, effect.Reason)
	}
	return nil
}

// offer passes the report on to one node. Media stay where they are; the
// recipient fetches them when a person there opens the case.
func (d *Desk) offer(tx *ledger.Tx, received store.ReceivedReport, m referral.Matter, to, reason string) error {
	r, _, err := d.whole(tx.Tx, received)
	if err != nil {
		return err
	}
	answered, err := additions(tx, received.ID)
	if err != nil {
		return err
	}
	evidence, err := json.Marshal(d.options.Places.evidence(r))
	if err != nil {
		return fmt.Errorf("writing evidence: %w", err)
	}
	priority := peer.Normal
	if m.Urgent {
		priority = peer.Urgent
	}
	envelope, err := d.options.Post.Send(tx, peer.Message{
		Recipient: to, Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.forwarded.v1", Schema: received.Form, Subject: received.ID,
		Purpose: mandate.PurposeReporting, LegalBasis: "COM(2022) 209 Article 48(3)", Priority: priority,
		Passes: peer.Origin{Source: received.Sender, ID: received.Envelope}, Items: filesOf(r),
		Body: Offer{
			Matter: received.ID, Reason: reason, Urgent: m.Urgent, Provider: received.SenderName, ReceivedAt: received.ReceivedAt, Evidence: evidence,
			Report: json.RawMessage(received.Body), Additions: answered,
		},
	})
	tx.Note("sent", envelope)
	return err
}

// toKind passes the report on to the one node of a kind, for example Europol's.
// Where none is registered a person has to use another channel, and is told.
func (d *Desk) toKind(tx *ledger.Tx, received store.ReceivedReport, m referral.Matter, kind mandate.OrganisationKind, reason string) error {
	nodes, err := d.options.Post.KnownOf(tx.Tx, tx.Now, kind)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return tx.Alarm(received.ID, fmt.Sprintf("no node of %s is registered: reach it by another channel (%s)", kind, reason))
	}
	return d.offer(tx, received, m, nodes[0].NodeID, reason)
}

func (d *Desk) coordinate(tx *ledger.Tx, received store.ReceivedReport, m referral.Matter) error {
	to := m.Claimants()
	eurojust, err := d.options.Post.KnownOf(tx.Tx, tx.Now, mandate.Eurojust)
	if err != nil {
		return err
	}
	for _, n := range eurojust {
		to = append(to, n.NodeID)
	}
	if len(eurojust) == 0 {
		if err := tx.Alarm(received.ID, "several authorities act, and no node of eurojust is registered: reach it by another channel"); err != nil {
			return err
		}
	}
	names, err := d.options.Post.Titles(tx.Tx, tx.Now)
	if err != nil {
		return err
	}
	titles := map[string]string{}
	for _, id := range m.Claimants() {
		titles[id] = names[id]
	}
	for _, recipient := range to {
		if _, err := d.options.Post.Send(tx, peer.Message{
			Recipient: recipient, Kind: mandate.EnvelopeCoordination, Type: "eu.brdo.coordination.opened.v1", Schema: "coordination-1", Subject: received.ID,
			Purpose: mandate.PurposeReporting, LegalBasis: "Regulation (EU) 2018/1727 Article 4", Body: Coordination{received.ID, m.Claimants(), titles, m.Coordination.Lead, m.Coordination.Turn},
		}); err != nil {
			return err
		}
	}
	return nil
}

// correct tells everybody who was sent the report of a finding that changes it,
// and pursues that until it is receipted.
func (d *Desk) correct(tx *ledger.Tx, received store.ReceivedReport, outcome string) error {
	says, basis := "the Centre calls the report unfounded: "+outcome, "COM(2022) 209 Article 48(2)"
	if outcome == referral.OutcomeUnlawfulNot {
		says, basis = "an authority's diligent assessment did not confirm the report (Article 36(4))", "COM(2022) 209 Article 36(4)"
	}
	originals, err := passedOn(tx, received.ID)
	if err != nil || len(originals) == 0 {
		return err
	}
	_, err = d.options.Post.Pursue(tx, peer.Pursuit{
		Kind: mandate.EnvelopeCorrection, Originals: originals, Reason: says,
		Body: Answer{Matter: received.ID, Kind: string(referral.FinishedBy), Outcome: outcome}, LegalBasis: basis,
	})
	return err
}

// acknowledged takes note of an authority's receipt of an offer.
func (d *Desk) acknowledged(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	_, m, err := matterOf(tx.Tx, sent.Subject)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(m.Offers, func(o referral.Offer) bool { return o.Authority == sent.Recipient }) {
		return nil // Europol's or INTERPOL's copy
	}
	if receipt.Status == peer.Rejected {
		// It cannot take the report in; who is asked instead is a person's matter.
		return tx.Alarm(sent.Subject, "the node that was asked refused the report: "+receipt.Reason)
	}
	return d.apply(tx, sent.Subject, referral.Event{Kind: referral.Acknowledged, Authority: sent.Recipient})
}

// takeAnswer takes in what an authority says of a report.
func (d *Desk) takeAnswer(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	switch opened.Type {
	case typeAssessed:
		return d.takeFinding(tx, from, opened)
	case typeRated:
		return d.takeFeedback(tx, from, opened)
	}
	a, err := peer.ReadMessage[Answer](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	kinds := map[mandate.EnvelopeKind][]referral.EventKind{
		mandate.EnvelopeClaim:        {referral.ClaimedBy, referral.DeclinedBy, referral.ReleasedBy},
		mandate.EnvelopeOutcome:      {referral.FinishedBy},
		mandate.EnvelopeCoordination: {referral.Consent},
	}
	kind := referral.EventKind(a.Kind)
	if !slices.Contains(kinds[opened.Kind], kind) {
		return nil, problem.InvalidField("message.kind", fmt.Sprintf("%q does not fit an envelope of kind %s", a.Kind, opened.Kind), "see docs/referral.md")
	}
	if err := problem.TooLong("message.reason", a.Reason, problem.MaxReason); err != nil {
		return nil, err
	}
	err = d.apply(tx, a.Matter, referral.Event{Kind: kind, Authority: from.NodeID, Turn: a.Turn, Reason: a.Reason, Outcome: a.Outcome, Lead: a.Lead})
	switch {
	case problem.Is(err, problem.NotFound), problem.Is(err, problem.Denied), problem.Is(err, problem.Conflict):
		// A rejection with a receipt: the sender has to see it, and stop sending.
		known := problem.From(err)
		return nil, problem.InvalidField("message", known.Reason, known.Remedy)
	}
	if err == nil && kind == referral.FinishedBy && slices.Contains(referral.Outcomes, a.Outcome) {
		tx.Note("outcome", a.Outcome)
		tx.Note("answer_state", from.Country)
	}
	return nil, err
}

func (d *Desk) strikeMatter(ctx context.Context, running *job.Running) error {
	return d.strike(ctx, running, func(tx *ledger.Tx, id string) error {
		_, m, err := matterOf(tx.Tx, id)
		if err != nil {
			return err
		}
		if at, set := m.Next(); !set || tx.Now.Before(at) {
			return nil // overtaken
		}
		return d.apply(tx, id, referral.Event{Kind: referral.ClockStruck})
	})
}

// decide is a person's decision about a matter at the Centre.
func (d *Desk) decide(ctx context.Context, actor mandate.Actor, action mandate.Action, id string, event referral.Event) error {
	act := ledger.Act{Actor: actor, Action: action, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		event.Person, event.Decision = actor.ID, tx.EventID()
		return d.apply(tx, id, event)
	})
}

// Found records that a person finds a report not manifestly unfounded, and
// whether it is urgent.
func (d *Desk) Found(ctx context.Context, actor mandate.Actor, id string, urgent bool) error {
	return d.decide(ctx, actor, mandate.ReportAssess, id, referral.Event{Kind: referral.Found, Urgent: urgent})
}

// CallUnfounded records that a person calls a report manifestly unfounded, with
// a reason code of the profile. Whether somebody looked at its media is read
// from the exposures, not asked.
func (d *Desk) CallUnfounded(ctx context.Context, actor mandate.Actor, id, reason string) error {
	act := ledger.Act{Actor: actor, Action: mandate.ReportAssess, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		opened, err := d.opened(tx, id)
		if err != nil {
			return err
		}
		return d.apply(tx, id, referral.Event{Kind: referral.CallUnfounded, Person: actor.ID, Decision: tx.EventID(), Reason: reason, NeverOpened: !opened})
	})
}

// opened reports whether a person looked at the media of a report, at the
// provider (as the report says) or here.
func (d *Desk) opened(tx *ledger.Tx, id string) (bool, error) {
	row, err := tx.ReceivedReport(id)
	if err != nil {
		return false, err
	}
	r, err := report.Parse(row.Body)
	if err != nil {
		return false, err
	}
	for _, file := range r.Control.Files {
		exposures, err := tx.ExposuresOfItem(file.Item)
		if err != nil {
			return false, err
		}
		if !file.ViewedByHuman && len(exposures) == 0 {
			return false, nil
		}
	}
	return true, nil
}

// Second records whether another person agrees that a report is unfounded.
func (d *Desk) Second(ctx context.Context, actor mandate.Actor, id string, agrees bool) error {
	kind := referral.Disagree
	if agrees {
		kind = referral.Agree
	}
	return d.decide(ctx, actor, mandate.ReportAssess, id, referral.Event{Kind: kind})
}

// Direction is whom a person sends a report to.
type Direction struct {
	// To are the node ids of authorities.
	To []string
	// ThirdStates are reached by INTERPOL.
	ThirdStates []string
	// Reason is required when no authority is named.
	Reason string
}

// Route records whom a person sends a report to.
func (d *Desk) Route(ctx context.Context, actor mandate.Actor, id string, direction Direction) error {
	act := ledger.Act{Actor: actor, Action: mandate.ReportRoute, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: id}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		authorities, err := d.options.Post.KnownOf(tx.Tx, tx.Now, mandate.Authority)
		if err != nil {
			return err
		}
		event := referral.Event{Kind: referral.Route, Person: actor.ID, Decision: tx.EventID(), ThirdStates: direction.ThirdStates, Reason: direction.Reason}
		for i, to := range direction.To {
			at := slices.IndexFunc(authorities, func(n peer.Node) bool { return n.NodeID == to })
			if at < 0 {
				return problem.InvalidField(fmt.Sprintf("to[%d]", i), "is no authority of the registry", "choose one of the list")
			}
			event.To = append(event.To, referral.Recipient{Authority: to, Country: authorities[at].Country})
		}
		return d.apply(tx, id, event)
	})
}
