package translog_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/engine/translog"
)

// A node appends a batch, compares the root before with its last checkpoint,
// stores the new hashes and signs; then anyone can check.
func Example() {
	// Once: the node makes its key, and gives the public half to others.
	key, err := translog.GenerateKey(rand.Reader, "node.example/log")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := note.NewSigner(key.Signer)
	if err != nil {
		log.Fatal(err)
	}

	// With each batch: extend the tree, store the hashes, sign the root.
	records := [][]byte{[]byte("message 1"), []byte("message 2"), []byte("message 3")}
	var leaves []translog.Hash
	for _, record := range records {
		leaves = append(leaves, translog.RecordHash(record))
	}
	var stored translog.Hashes
	growth, err := translog.Extend(0, stored, leaves)
	if err != nil {
		log.Fatal(err)
	}
	if growth.Before != translog.EmptyRoot {
		log.Fatal("the stored hashes are not those that were signed last")
	}
	if err := stored.Add(growth); err != nil {
		log.Fatal(err)
	}
	signed, err := translog.Sign(translog.Checkpoint{Origin: "node.example/log", Size: growth.Size, Root: growth.Root}, signer)
	if err != nil {
		log.Fatal(err)
	}

	// Anyone who has the public key: is "message 2" in the log?
	trust, err := translog.NewTrust("node.example/log", key.Verifier)
	if err != nil {
		log.Fatal(err)
	}
	head, err := translog.Open(signed, trust)
	if err != nil {
		log.Fatal(err)
	}
	proof, err := translog.ProveInclusion(head.Size, 1, stored)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("message 2:", translog.CheckInclusion(proof, head.Size, head.Root, 1, translog.RecordHash([]byte("message 2"))))
	fmt.Println("message 9:", translog.CheckInclusion(proof, head.Size, head.Root, 1, translog.RecordHash([]byte("message 9"))))
	// Output:
	// message 2: <nil>
	// message 9: the inclusion proof does not show record 1 in the log of 3 records
}

// An audit names the first thing wrong. With the stored hashes it tells
// exactly which record was changed.
func ExampleAudit() {
	node := newWorld(3, 4) // seven messages, checkpoints after three and seven
	node.records[4].Data = []byte("something else")

	_, err := translog.Audit(node.kept(true), trust())
	var fault *translog.Fault
	if errors.As(err, &fault) {
		fmt.Println(fault.Kind, fault.Index)
	}

	// Without them it can only say between which checkpoints.
	report, err := translog.Audit(node.kept(false), trust())
	fmt.Println(err)
	fmt.Println("still proven:", report.Head.Size, "records")
	// Output:
	// record altered 4
	// checkpoint root does not match: between record 3 and record 6 something was changed
	// still proven: 3 records
}

// A checkpoint kept elsewhere shows that a log was shortened, even by somebody
// who holds its key.
func ExampleTrust() {
	yesterday := newWorld(3, 4)
	today := newWorld(3)

	trust := trust()
	_, err := translog.Audit(today.kept(true), trust)
	fmt.Println("by itself:", err)

	trust.Known = []translog.Checkpoint{yesterday.heads[1]}
	_, err = translog.Audit(today.kept(true), trust)
	fmt.Println("compared:", err)
	// Output:
	// by itself: <nil>
	// compared: log truncated: a checkpoint known from elsewhere promises 7 records; 3 were found
}

// A witness signs only what continues what it saw before.
func ExampleCosigner_Cosign() {
	node := newWorld(3, 4)
	key := fixedKey("witness.example")
	witness, err := translog.NewCosigner(key.Signer)
	if err != nil {
		log.Fatal(err)
	}
	seen := node.heads[0]
	proof, err := translog.ProveConsistency(7, seen.Size, node.hashes)
	if err != nil {
		log.Fatal(err)
	}
	cosigned, err := witness.Cosign(node.checkpoints[1], trust(), seen, proof, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	if err != nil {
		log.Fatal(err)
	}

	// A reader who demands one witness.
	demanding, err := trust().WithWitnesses(1, key.Verifier)
	if err != nil {
		log.Fatal(err)
	}
	head, err := translog.Open(cosigned, demanding)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(head.Size, head.Cosignatures[0].Witness, head.Cosignatures[0].At.Format(time.RFC3339))
	// Output: 7 witness.example 2026-01-02T03:04:05Z
}

// Two records out of seven, for somebody without access to the node.
func ExampleBundleWriter() {
	node := newWorld(7)
	var file bytes.Buffer
	bundle, err := translog.NewBundleWriter(&file, translog.Header{
		Kind: translog.Extract, Origin: "node.example/log", Keys: []string{fixedKey("node.example/log").Verifier},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := bundle.Checkpoint(node.checkpoints[0]); err != nil {
		log.Fatal(err)
	}
	for _, index := range []int64{1, 4} {
		proof, err := translog.ProveInclusion(7, index, node.hashes)
		if err != nil {
			log.Fatal(err)
		}
		if err := bundle.Record(index, node.records[index].Data, proof); err != nil {
			log.Fatal(err)
		}
	}
	if err := bundle.Close(); err != nil {
		log.Fatal(err)
	}

	report, err := translog.AuditBundle(&file, trust())
	fmt.Println(report.Records, "records proven in a log of", report.Head.Size, err)
	// Output: 2 records proven in a log of 7 <nil>
}
