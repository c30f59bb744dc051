package orders

import (
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// deed is an event with what travels because of it.
type deed struct {
	event order.Event
	// kind, text and signed are the document that the event sends.
	kind   string
	text   []byte
	signed string
}

// apply lets an event happen to an order and carries out what follows.
func (d *Desk) apply(tx *ledger.Tx, row store.OrderRow, does deed) error {
	switch row.Side {
	case store.OrderIssued:
		value, err := read[order.Issuance](row)
		if err != nil {
			return err
		}
		next, effects, err := value.Apply(does.event, tx.Now)
		if err != nil {
			return err
		}
		return d.follow(tx, row, next, next.Track, does, effects)
	case store.OrderReceived:
		value, err := read[order.Execution](row)
		if err != nil {
			return err
		}
		next, effects, err := value.Apply(does.event, tx.Now)
		if err != nil {
			return err
		}
		return d.follow(tx, row, next, next.Track, does, effects)
	}
	return copied(tx, row, does.event)
}

// follow stores the next value and carries out the effects.
func (d *Desk) follow(tx *ledger.Tx, row store.OrderRow, value any, track order.Track, does deed, effects []order.Effect) error {
	if err := put(tx, &row, value, track); err != nil {
		return err
	}
	if err := tx.UpdateOrder(row); err != nil {
		return err
	}
	tx.Note("order", row.ID)
	tx.Note("event", does.event.Kind)
	return d.carryOut(tx, row, does, effects)
}

// put writes a value into its row.
func put(tx *ledger.Tx, row *store.OrderRow, value any, track order.Track) (err error) {
	row.State, row.Standing, row.Until, row.ChangedAt = string(track.State), string(track.Standing), time.Time{}, tx.Now
	for _, running := range track.Clocks {
		if row.Until.IsZero() || running.Due.Before(row.Until) {
			row.Until = running.Due
		}
	}
	tx.Note("state", track.State)
	row.Body, err = written(value)
	return err
}

func (d *Desk) carryOut(tx *ledger.Tx, row store.OrderRow, does deed, effects []order.Effect) error {
	if does.kind != "" {
		if err := keep(tx, row.ID, does.kind, does.text, does.signed, ""); err != nil {
			return err
		}
	}
	for _, effect := range effects {
		if err := d.one(tx, row, does, effect); err != nil {
			return err
		}
	}
	return nil
}

func keep(tx *ledger.Tx, id, kind string, text []byte, signed, envelope string) error {
	tx.Note("document", order.Digest(text))
	return tx.InsertOrderDocument(store.OrderDocument{ID: store.NewID("document"), OrderID: id, Kind: kind, Text: text, Signed: signed, Envelope: envelope, At: tx.Now})
}

// one carries one effect out.
func (d *Desk) one(tx *ledger.Tx, row store.OrderRow, does deed, effect order.Effect) error {
	switch effect.Kind {
	case order.SetClock:
		return wake(tx, clockJob, clock{row.ID, effect.Clock}, effect.At)
	case order.RaiseAlarm:
		return tx.Alarm(row.ID, effect.Reason)
	case order.AskPerson:
		return tx.Ask(row.ID, effect.Reason)
	case order.CarryOut:
		return tx.Ask(row.ID, taskOf(row.Kind).carryOut)
	case order.InformUser:
		return tx.Ask(row.ID, "inform the user ("+effect.Article+")")
	case order.SendCopy:
		return tx.Ask(row.ID, "send the user the copy of the order that was asked for ("+effect.Article+")")
	case order.EraseKept:
		return tx.Alarm(row.ID, "the longest time for keeping the data is over ("+effect.Article+"): a supervisor erases them")
	case order.Count, order.CorrectStatistics:
		change := int64(1)
		if effect.Kind == order.CorrectStatistics {
			change = -1
		}
		for _, figure := range effect.Figures {
			if err := tx.CountOrderFigure(row.ID, figure, change, tx.Now); err != nil {
				return err
			}
		}
	case order.TellIndicatorOwner:
		return tellIndicatorOwners(tx, row.ID)
	case order.AskInvestigators:
		return d.question(tx, row, effect)
	case order.ScheduleVerification:
		return wake(tx, lookJob, clock{Order: row.ID}, effect.At)
	case order.Send, order.Tell:
		return d.tell(tx, row, does, effect)
	}
	return nil // a stopped clock strikes and changes nothing; restoring is asked for beside
}

// tellIndicatorOwners tells whoever keeps lists here of each entry that was made
// from the material of an order that has fallen. Where the lists came from is
// told by those who keep them.
func tellIndicatorOwners(tx *ledger.Tx, id string) error {
	items, err := tx.OrderItems(id)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, item := range items {
		entries, err := tx.ListEntriesWithSHA256(item.SHA256)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if seen[entry.ID] {
				continue
			}
			seen[entry.ID] = true
			reason := "the order to remove an item has fallen (" + id + "): see whether entry " + entry.ID + " of this list, which was made from that item, may stay"
			if err := tx.Alarm(entry.ListID, reason); err != nil {
				return err
			}
			if err := tx.Ask(id, "the keeper of list "+entry.ListID+" was told about entry "+entry.ID); err != nil {
				return err
			}
		}
	}
	tx.Note("indicators", len(seen))
	return nil
}

// tell sends to each receiver what an effect says. What is said inside this
// house is put before its people.
func (d *Desk) tell(tx *ledger.Tx, row store.OrderRow, does deed, effect order.Effect) error {
	falls := does.event.Kind == order.Annul || does.event.Kind == order.Withdraw
	if row.Side == store.OrderIssued && falls && effect.Kind == order.Tell {
		if err := d.pursue(tx, row, does.event); err != nil {
			return err
		}
	}
	for _, to := range effect.To {
		var err error
		switch {
		case to == law.ToInvestigators:
			err = d.tellAsked(tx, row, effect.Reason)
		case row.Side == store.OrderReceived:
			err = d.reply(tx, row, does, effect, to)
		case to == law.ToRequester || to == law.ToIssuer:
			err = tx.Ask(row.ID, said(effect))
		case falls: // pursued above
		default:
			err = d.say(tx, row, does, effect, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func said(effect order.Effect) string {
	if effect.Kind == order.Send {
		return "sent: " + effect.Document
	}
	return effect.Reason
}

// receivers are the nodes that a word of the terms stands for.
func (d *Desk) receivers(tx *ledger.Tx, row store.OrderRow, to string) ([]string, error) {
	switch to {
	case law.ToProvider:
		return []string{row.Provider}, nil
	case law.ToRequester, law.ToIssuer:
		return []string{row.Source}, nil
	case law.ToCentre:
		centre, err := d.options.Centre(tx.Tx)
		if err != nil {
			return nil, tx.Alarm(row.ID, "no Centre is registered with this node: it was not told")
		}
		return []string{centre}, nil
	case law.ToOtherAuthorities:
		known, err := d.options.Post.KnownOf(tx.Tx, tx.Now, mandate.Authority)
		var all []string
		for _, node := range known {
			all = append(all, node.NodeID)
		}
		return all, err
	}
	return nil, nil
}

// task says what an order of one kind asks for.
type task struct{ legalBasis, carryOut, look string }

func taskOf(kind string) task {
	const gone = "look whether the material is gone, and record what you find"
	switch law.OrderKind(kind) {
	case law.OrderBlocking:
		return task{
			"COM(2022) 209 Articles 16 to 18", "let the service prevent access to the addresses of the list, and record what was done",
			"look whether access to the addresses of the list is prevented, and record what you find",
		}
	case law.OrderDelisting:
		return task{"COM(2022) 209, as the profile of delisting orders says", "let the service show the address no longer, and record what was done", gone}
	}
	return task{"COM(2022) 209 Articles 14 and 15", "let the service remove the material or disable access to it, and record what was done", gone}
}

// say sends word of an order, or the document, from the side that issues it.
func (d *Desk) say(tx *ledger.Tx, row store.OrderRow, does deed, effect order.Effect, to string) error {
	message := Message{Order: row.Name, Says: saysTold, Reason: effect.Reason, At: tx.Now}
	switch {
	case effect.Kind == order.Send:
		message.Says, message.Signed, message.Final = effect.Document, does.signed, does.event.Kind == order.Confirm
	case does.event.Kind == order.Challenge || does.event.Kind == order.LiftSuspension:
		message.Says, message.By, message.Suspends = string(does.event.Kind), does.event.By, does.event.Suspends
		if !does.event.At.IsZero() {
			message.At = does.event.At
		}
	case does.event.Kind == order.Looked || does.event.Kind == order.FoundElsewhere:
		message.Says = string(order.Reopened)
	}
	if message.Says == DocumentOrder {
		message.Addressee = row.Provider
	}
	return d.send(tx, row, to, mandate.EnvelopeOrder, message.Says, message)
}

// send sends a message to all that a word of the terms stands for.
func (d *Desk) send(tx *ledger.Tx, row store.OrderRow, to string, kind mandate.EnvelopeKind, says string, message any) error {
	nodes, err := d.receivers(tx, row, to)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		envelope, err := d.options.Post.Send(tx, peer.Message{
			Recipient: node, Kind: kind, Type: "eu.brdo." + string(kind) + "." + says + ".v1", Schema: string(kind) + "-1", Subject: row.ID,
			Purpose: mandate.PurposeRemoval, LegalBasis: taskOf(row.Kind).legalBasis, Priority: peer.Urgent, Body: message,
		})
		if err != nil {
			return err
		}
		tx.Note("sent", envelope)
	}
	return nil
}

// pursue tells everybody to whom the order went that it has fallen, until they
// have receipted.
func (d *Desk) pursue(tx *ledger.Tx, row store.OrderRow, event order.Event) error {
	sent, err := tx.EnvelopesAbout(row.ID)
	if err != nil {
		return err
	}
	var originals, told []string
	for _, envelope := range sent {
		if envelope.Kind == string(mandate.EnvelopeOrder) && !slices.Contains(told, envelope.Recipient) {
			originals, told = append(originals, envelope.ID), append(told, envelope.Recipient)
		}
	}
	if len(originals) == 0 {
		return nil
	}
	_, err = d.options.Post.Pursue(tx, peer.Pursuit{
		Kind: mandate.EnvelopeCorrection, Originals: originals, Reason: "the order has fallen", LegalBasis: taskOf(row.Kind).legalBasis,
		Body: Message{Order: row.Name, Says: string(event.Kind), By: event.By, Reason: event.Reason, At: tx.Now},
	})
	return err
}

// reply sends what the addressee says.
func (d *Desk) reply(tx *ledger.Tx, row store.OrderRow, does deed, effect order.Effect, to string) error {
	reply := Reply{Order: row.Name, Says: saysTold, Reason: effect.Reason, At: tx.Now}
	switch does.event.Kind {
	case order.Decline, order.SendAnswer, order.Reported:
		reply.Says, reply.Signed = does.kind, does.signed
		if does.kind == "" {
			reply.Says, reply.Measure, reply.At = string(order.CarriedOut), does.event.Answer.Measure, does.event.Answer.MeasuredAt
		}
	case order.AskReassessment:
		reply.Says, reply.Place, reply.Reason = string(order.AskReassessment), does.event.Place, does.event.Reason
	case order.ReasonEnded:
		reply.Says, reply.At = string(order.ReasonEnded), does.event.At
	case order.Undo:
		reply.Says, reply.At = string(order.RestorationProven), does.event.At
	case order.Keep:
		reply.Says, reply.Reason = string(order.RestorationRefused), does.event.Reason
	default:
		return nil // what the authority said itself need not be told to it
	}
	return d.send(tx, row, to, mandate.EnvelopeOrderAnswer, reply.Says, reply)
}
