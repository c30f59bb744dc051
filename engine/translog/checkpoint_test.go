package translog_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/engine/translog"
)

// A checkpoint published by sum.golang.org and its public key.
const (
	sumdbKey  = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
	sumdbNote = "go.sum database tree\n71999284\nq5+IcsQ9SCXC+pYmNIRIRUbPnH/iVuVw/N2fPtPImqw=\n\n" +
		"— sum.golang.org Az3grn4GNnbtrfETJem3Jr7ZbFYo1Azb5JCrPTzzbWdjm6kXry0pPHrWYdXd/NjK6NcWPMPjjUlE84sNCiwm4c98uwo=\n"
)

func TestOpenCheckpointOfTheGoChecksumDatabase(t *testing.T) {
	trusted := must(translog.NewTrust("go.sum database tree", sumdbKey))
	signed, err := translog.Open([]byte(sumdbNote), trusted)
	if err != nil {
		t.Fatal(err)
	}
	if signed.Size != 71999284 || signed.Root.String() != "q5+IcsQ9SCXC+pYmNIRIRUbPnH/iVuVw/N2fPtPImqw=" || signed.LogKeys[0] != "sum.golang.org" {
		t.Fatalf("opened %+v", signed)
	}
	_, err = translog.Open([]byte(strings.Replace(sumdbNote, "71999284", "71999285", 1)), trusted)
	wantCheckpointError(t, err, translog.BadSignature)
}

// Every single bit of a signed checkpoint counts.
func TestEveryFlippedBitOfACheckpointIsFound(t *testing.T) {
	signed := newWorld(5).checkpoints[0]
	for bit := range len(signed) * 8 {
		changed := bytes.Clone(signed)
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := translog.Open(changed, trust()); err == nil {
			t.Fatalf("bit %d of byte %d (%q) flipped unnoticed", bit%8, bit/8, signed[bit/8])
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	good := newWorld(5).checkpoints[0]
	signature := good[bytes.LastIndex(good, []byte("— ")):]
	stranger := must(translog.Sign(newWorld(5).heads[0], signer("stranger.example")))
	elsewhere := must(translog.Sign(translog.Checkpoint{Origin: "other.example/log", Root: translog.EmptyRoot}, signer(origin)))
	needsWitness := must(trust().WithWitnesses(1, fixedKey("witness.example").Verifier))
	cosigner := must(cosignature.NewSignerForCosignatureV1(fixedKey("witness.example").Signer))
	witnessOnly := must(translog.Sign(newWorld(5).heads[0], cosigner))
	for name, c := range map[string]struct {
		text  []byte
		trust translog.Trust
		want  translog.CheckpointProblem
	}{
		"unknown key":            {stranger, trust(), translog.UnknownKey},
		"no keys trusted":        {good, translog.Trust{Origin: origin}, translog.UnknownKey},
		"only a witness":         {witnessOnly, needsWitness, translog.UnknownKey},
		"no witness":             {good, needsWitness, translog.TooFewWitnesses},
		"wrong origin":           {elsewhere, trust(), translog.WrongOrigin},
		"text changed":           {bytes.Replace(good, []byte("\n5\n"), []byte("\n6\n"), 1), trust(), translog.BadSignature},
		"empty":                  {nil, trust(), translog.Malformed},
		"no signature":           {good[:len(good)-len(signature)], trust(), translog.Malformed},
		"signature twice":        {append(bytes.Clone(good), signature...), trust(), translog.Malformed},
		"too long":               {append(bytes.Clone(good), bytes.Repeat(signature, 1000)...), trust(), translog.Malformed},
		"not a checkpoint":       {must(note.Sign(&note.Note{Text: "hello\n"}, signer(origin))), trust(), translog.Malformed},
		"second witness unknown": {stranger, needsWitness, translog.UnknownKey},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := translog.Open(c.text, c.trust)
			wantCheckpointError(t, err, c.want)
		})
	}
}

func TestParseCheckpointAcceptsOneSpellingOnly(t *testing.T) {
	root := translog.EmptyRoot.String()
	good := translog.Checkpoint{Origin: origin, Size: 12, Root: translog.EmptyRoot, Extension: []string{"kind example", "—"}}
	text := must(good.Marshal())
	if parsed := must(translog.ParseCheckpoint(text)); !parsed.Equal(good) {
		t.Fatalf("parsed %+v", parsed)
	}
	for name, text := range map[string]string{
		"empty": "", "two lines": origin + "\n1\n", "no last line feed": origin + "\n1\n" + root,
		"empty origin": "\n1\n" + root + "\n", "leading zero": origin + "\n01\n" + root + "\n",
		"plus": origin + "\n+1\n" + root + "\n", "negative": origin + "\n-1\n" + root + "\n",
		"beyond 2^60": origin + "\n1152921504606846977\n" + root + "\n", "beyond int64": origin + "\n99999999999999999999\n" + root + "\n",
		"short root": origin + "\n1\nAAAA\n", "loose base64": origin + "\n1\n" + root[:42] + "V=\n",
		"carriage return": origin + "\r\n1\n" + root + "\n", "empty extension": origin + "\n1\n" + root + "\n\n",
		"bad UTF-8": origin + "\xff\n1\n" + root + "\n", "long origin": strings.Repeat("a", 256) + "\n1\n" + root + "\n",
		"huge": origin + "\n1\n" + root + "\n" + strings.Repeat("a", translog.MaxNote) + "\n",
	} {
		_, err := translog.ParseCheckpoint([]byte(text))
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantCheckpointError(t, err, translog.Malformed)
	}
	for name, c := range map[string]translog.Checkpoint{
		"empty origin": {}, "line feed": {Origin: "a\nb"}, "negative": {Origin: "a", Size: -1}, "too big": {Origin: "a", Size: translog.MaxSize + 1},
		"empty extension": {Origin: "a", Extension: []string{""}}, "long origin": {Origin: strings.Repeat("a", 256)},
		"huge": {Origin: "a", Extension: []string{strings.Repeat("a", translog.MaxNote)}},
	} {
		if _, err := translog.Sign(c, signer(origin)); err == nil {
			t.Errorf("%s: signed", name)
		} else {
			wantCheckpointError(t, err, translog.Malformed)
		}
	}
	if _, err := translog.Sign(good); err == nil {
		t.Error("signed by nobody")
	}
}

func TestGenerateKey(t *testing.T) {
	key, err := translog.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signed := must(translog.Sign(translog.Checkpoint{Origin: origin, Root: translog.EmptyRoot}, must(note.NewSigner(key.Signer))))
	if _, err := translog.Open(signed, must(translog.NewTrust(origin, key.Verifier))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "a b", "a+b", "a\x00b", "a\xff"} {
		if _, err := translog.GenerateKey(rand.Reader, name); err == nil {
			t.Errorf("the name %q is accepted", name)
		}
	}
	if _, err := translog.NewCosigner("PRIVATE+KEY+secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a broken private key gives %v", err)
	}
}

func TestCosign(t *testing.T) {
	w := newWorld(5, 4, 3)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	key := fixedKey("witness.example")
	witness := must(translog.NewCosigner(key.Signer))
	trusted := must(trust().WithWitnesses(1, key.Verifier))

	first, err := witness.Cosign(w.checkpoints[0], trust(), translog.Checkpoint{}, nil, at)
	if err != nil {
		t.Fatal(err)
	}
	signed := must(translog.Open(first, trusted))
	if len(signed.Cosignatures) != 1 || signed.Cosignatures[0] != (translog.Cosignature{Witness: "witness.example", At: at}) {
		t.Fatalf("cosignatures %+v", signed.Cosignatures)
	}
	for bit := range len(first) * 8 {
		changed := bytes.Clone(first)
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := translog.Open(changed, trusted); err == nil {
			t.Fatalf("bit %d of a cosigned checkpoint flipped unnoticed", bit)
		}
	}

	proof := must(translog.ProveConsistency(12, 5, w.hashes))
	second, err := witness.Cosign(w.checkpoints[2], trust(), signed.Checkpoint, proof, at.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := translog.Open(second, trusted); err != nil {
		t.Fatal(err)
	}

	// A peer that replays an old checkpoint, or shows this witness another
	// history, gets no signature.
	var older *translog.ArgumentError
	if _, err := witness.Cosign(w.checkpoints[0], trust(), w.heads[2], nil, at); !errors.As(err, &older) {
		t.Errorf("an older checkpoint gives %v", err)
	}
	fork := translog.Checkpoint{Origin: origin, Size: 12, Root: translog.Hash{1}}
	forked := must(translog.Sign(fork, signer(origin)))
	var contradiction *translog.ProofError
	if _, err := witness.Cosign(forked, trust(), signed.Checkpoint, proof, at); !errors.As(err, &contradiction) {
		t.Errorf("another history gives %v", err)
	}
	if _, err := witness.Cosign(forked, trust(), w.heads[2], nil, at); !errors.As(err, &contradiction) {
		t.Errorf("another root at the same size gives %v", err)
	}
	_, err = witness.Cosign(must(translog.Sign(w.heads[0], signer("stranger.example"))), trust(), translog.Checkpoint{}, nil, at)
	wantCheckpointError(t, err, translog.UnknownKey)
	if _, err := trust().WithWitnesses(2, key.Verifier); err == nil {
		t.Error("a quorum larger than the number of witnesses is accepted")
	}
}

// Our cosignatures and those of the formats library verify alike.
func TestCosignaturesOfAnotherImplementation(t *testing.T) {
	w := newWorld(5)
	key := fixedKey("witness.example")
	theirs := must(cosignature.NewSignerForCosignatureV1(key.Signer))
	signed := must(translog.Sign(w.heads[0], signer(origin), theirs))
	opened := must(translog.Open(signed, must(trust().WithWitnesses(1, key.Verifier))))
	if len(opened.Cosignatures) != 1 {
		t.Fatalf("opened %+v", opened)
	}
	ours := must(must(translog.NewCosigner(key.Signer)).Cosign(w.checkpoints[0], trust(), translog.Checkpoint{}, nil, time.Unix(1, 0)))
	if _, err := note.Open(ours, note.VerifierList(theirs.Verifier())); err != nil {
		t.Fatal(err)
	}
}
