package node_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/store"
)

// voteExchange is an exchange that takes votes; there are no credentials for it, so that it
// is never reached.
func voteExchange(t *testing.T, p *node.Node) exchange.Exchange {
	t.Helper()
	basis, err := p.Law.LegalBasis(law.Ref{ID: "demo/benign-pictures", Version: 1})
	must(t, "reading a legal basis", err)
	return exchange.Exchange{
		Name: "ncmec-industry", Kind: exchange.NCMEC, Basis: basis, Verification: "double", Every: time.Hour, StaleAfter: 24 * time.Hour, Votes: true,
		Source: &exchange.NCMECSource{Base: "https://report.cybertip.example/hashsharing", Credentials: exchange.Credentials{Variable: exchange.VariableOf("ncmec-industry")}},
	}
}

// holdsItem makes a list that follows the exchange, with a record of an item's file.
func holdsItem(t *testing.T, p *node.Node, item string) (list string) {
	t.Helper()
	ctx := t.Context()
	l, err := p.Lists.Create(ctx, actor(t, p, mandate.ListManager), lists.NewList{
		Name: "from ncmec-industry", Source: "NCMEC", Verification: "double", LegalBasis: law.Ref{ID: "demo/benign-pictures", Version: 1}, Radius: -1,
		Follows: lists.Source{Node: exchange.AddressOf("ncmec-industry")},
	})
	must(t, "following an exchange", err)
	must(t, "writing a record", p.Store.Write(ctx, func(tx *store.Tx) error {
		row, err := tx.Item(item)
		if err != nil {
			return err
		}
		sha1, err := hex.DecodeString(row.SHA1)
		if err != nil {
			return err
		}
		version, err := tx.NextListVersion(l.ID)
		if err != nil {
			return err
		}
		entry := store.ListEntry{
			ID: store.NewID("entry"), ListID: l.ID, Identity: hashlist.SHA1.String() + ":" + row.SHA1, SHA1: sha1, Category: "A1", Verification: "double", State: store.EntryActive,
			AddedVersion: version,
		}
		if _, _, err := tx.PutListEntry(entry, nil); err != nil {
			return err
		}
		return tx.PutFetchedRecord(store.FetchedRecord{ListID: l.ID, Record: "42/message 17", EntryID: entry.ID, Content: []byte("17")})
	}))
	return l.ID
}
