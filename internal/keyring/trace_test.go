package keyring

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/brdoproject/brdo/internal/racetest"
)

// TestDestroyingManyKeysLeavesNoTrace destroys and forgets most keys of a vault with
// many pages, in random order, and looks for each key right after it is gone.
func TestDestroyingManyKeysLeavesNoTrace(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "keys.db")
	nodes := []NodeKey{newNodeKey(t), newX25519NodeKey(t)}
	for kind, node := range nodes {
		vault := openVault(t, fmt.Sprintf("%s-%d", path, kind), node)
		random := rand.New(rand.NewPCG(1, uint64(kind)))
		headers := map[string][]byte{}
		const items = 400
		for _, number := range random.Perm(items) {
			id := fmt.Sprintf("%x/%0*d", random.Uint64(), 1+random.IntN(100), number)
			header, _ := sealedFile(t, node, id)
			if err := vault.Put(ctx, Record{ItemID: id, Class: "report", Body: id, Header: header}); err != nil {
				t.Fatal(err)
			}
			headers[id] = header
		}
		destroyed := 0
		for id, header := range headers {
			if destroyed++; destroyed > items*9/10 {
				break
			}
			if destroyed%2 == 0 {
				if forgot, err := vault.Forget(ctx, id, noon.Add(time.Second)); err != nil || !forgot {
					t.Fatalf("forgotten: %v, %v", forgot, err)
				}
			} else if err := vault.Destroy(ctx, id); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(fmt.Sprintf("%s-%d", path, kind))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(content, header[len(header)-40:]) {
				t.Fatalf("after %d erasures the vault holds the destroyed key of %s", destroyed, id)
			}
		}
	}
}
