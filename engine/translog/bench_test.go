package translog_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/brdoproject/brdo/engine/translog"
)

const benchSize = 1_000_000

// benchRecord is a record of the size of an ordinary event.
func benchRecord(buffer []byte, index int64) []byte {
	binary.BigEndian.PutUint64(buffer, uint64(index))
	return buffer
}

// bigLog returns stored hashes of a log of n records.
func bigLog(n int64) (translog.Hashes, translog.Checkpoint, []byte) {
	leaves := make([]translog.Hash, n)
	buffer := make([]byte, 300)
	for i := range leaves {
		leaves[i] = translog.RecordHash(benchRecord(buffer, int64(i)))
	}
	growth := must(translog.Extend(0, nil, leaves))
	hashes := make(translog.Hashes, 0, len(growth.Stored))
	if err := hashes.Add(growth); err != nil {
		panic(err)
	}
	head := translog.Checkpoint{Origin: origin, Size: n, Root: growth.Root}
	return hashes, head, must(translog.Sign(head, signer(origin)))
}

func BenchmarkExtend(b *testing.B) {
	hashes, _, _ := bigLog(benchSize - 1)
	for _, batch := range []int{1, 100} {
		leaves := make([]translog.Hash, batch)
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := translog.Extend(benchSize-1, hashes, leaves); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkInclusion(b *testing.B) {
	hashes, head, _ := bigLog(benchSize)
	index := int64(0)
	b.Run("prove", func(b *testing.B) {
		for b.Loop() {
			index = (index + 7919) % benchSize
			if _, err := translog.ProveInclusion(benchSize, index, hashes); err != nil {
				b.Fatal(err)
			}
		}
	})
	proof := must(translog.ProveInclusion(benchSize, 1234, hashes))
	leaf := hashes[translog.LeafIndex(1234)]
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if err := translog.CheckInclusion(proof, benchSize, head.Root, 1234, leaf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkConsistency(b *testing.B) {
	hashes, head, _ := bigLog(benchSize)
	before := must(translog.ReadRange(benchSize-1000, hashes))
	for b.Loop() {
		proof := must(translog.ProveConsistency(benchSize, benchSize-1000, hashes))
		if err := translog.CheckConsistency(proof, benchSize, head.Root, benchSize-1000, before.Root()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAudit(b *testing.B) {
	const size = 100_000
	hashes, _, signed := bigLog(size)
	records := func(yield func(translog.Record, error) bool) {
		buffer := make([]byte, 300)
		for i := range int64(size) {
			if !yield(translog.Record{Index: i, Data: benchRecord(buffer, i)}, nil) {
				return
			}
		}
	}
	stored := func(yield func(translog.StoredHash, error) bool) {
		for i, hash := range hashes {
			if !yield(translog.StoredHash{Index: int64(i), Hash: hash}, nil) {
				return
			}
		}
	}
	for name, log := range map[string]translog.Stored{
		"records":            {Records: records, Checkpoints: seq([][]byte{signed})},
		"records and hashes": {Records: records, Hashes: stored, Checkpoints: seq([][]byte{signed})},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := translog.Audit(log, trust()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkBundle(b *testing.B) {
	const size = 20_000
	_, _, signed := bigLog(size)
	buffer := make([]byte, 300)
	write := func(w io.Writer) {
		bundle := must(translog.NewBundleWriter(w, header(translog.Whole)))
		for i := range int64(size) {
			if err := bundle.Record(i, benchRecord(buffer, i), nil); err != nil {
				b.Fatal(err)
			}
		}
		if err := bundle.Checkpoint(signed); err != nil {
			b.Fatal(err)
		}
		if err := bundle.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			write(io.Discard)
		}
		b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
	var bundle bytes.Buffer
	write(&bundle)
	b.Run("audit", func(b *testing.B) {
		for b.Loop() {
			if _, err := translog.AuditBundle(bytes.NewReader(bundle.Bytes()), trust()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}
