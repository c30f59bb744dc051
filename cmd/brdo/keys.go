package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/brdoproject/brdo/internal/keyring"
)

type keysCommand struct {
	Rotate keysRotateCommand `cmd:"" help:"Replace the keys of the node's envelopes."`
}

type keysRotateCommand struct {
	Data        string `required:"" help:"The data folder of the node." type:"path" placeholder:"DIR"`
	Compromised bool   `help:"The old key may be in the hands of others: what it signed is not believed any more."`
}

func (keysRotateCommand) Help() string {
	return `Makes new keys for signing and encrypting, signed by the old one. The node id stays. Stop the
node first; when it starts again it tells its peers, and what is on its way still opens:

  $ brdo keys rotate --data brdo-data

When a key was stolen, tell the Centre too: whoever has the key can do this as well, and only a
revocation in the registry ends that.`
}

func (c keysRotateCommand) Run(_ context.Context, w world) error {
	self, err := keyring.RotateKeys(filepath.Join(c.Data, "identity"), c.Compromised, time.Now())
	if err != nil {
		return err
	}
	public := self.Public()
	_, err = fmt.Fprintf(w.out, "%s signs with key %s since rotation %d\n", public.NodeID, public.SigningKey.KeyID, len(public.Rotations))
	return err
}
