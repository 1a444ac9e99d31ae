package transaction_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Each method of a Writer adds one write, to where the package comment says.
func TestWritesAreStored4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a Writer puts locks, values and records where they belong, and removes exactly what it is told to",
		Source: contract,
	}, func(t *graded.T) {
		d := empty(t)
		key := []byte("k")
		lock := &transaction.Lock{Primary: []byte("p"), StartTS: at(10), TTL: 7, Kind: kvrpcpb.Op_Put}
		steps := []struct {
			what  string
			write func(*transaction.Writer)
			want  []string
		}{
			{"nothing", func(*transaction.Writer) {}, []string{}},
			{"PutLock", func(w *transaction.Writer) { w.PutLock(key, lock) }, []string{"lock k: Put by 10, primary p, ttl 7"}},
			{"PutValue", func(w *transaction.Writer) { w.PutValue(key, at(10), []byte("x")) },
				[]string{"lock k: Put by 10, primary p, ttl 7", `value k of 10: "x"`}},
			{"PutRecord", func(w *transaction.Writer) {
				w.PutRecord(key, &transaction.Record{StartTS: at(10), Kind: kvrpcpb.Op_Put, CommitTS: at(20)})
			}, []string{"lock k: Put by 10, primary p, ttl 7", "record k @ 20: Put by 10", `value k of 10: "x"`}},
			{"DeleteLock", func(w *transaction.Writer) { w.DeleteLock(key) }, []string{"record k @ 20: Put by 10", `value k of 10: "x"`}},
			{"PutValue of nil", func(w *transaction.Writer) { w.PutValue(key, at(11), nil) },
				[]string{"record k @ 20: Put by 10", `value k of 11: ""`, `value k of 10: "x"`}},
			{"PutValue without bytes", func(w *transaction.Writer) { w.PutValue(key, at(12), []byte{}) },
				[]string{"record k @ 20: Put by 10", `value k of 12: ""`, `value k of 11: ""`, `value k of 10: "x"`}},
			{"DeleteValue", func(w *transaction.Writer) { w.DeleteValue(key, at(11)) },
				[]string{"record k @ 20: Put by 10", `value k of 12: ""`, `value k of 10: "x"`}},
			{"DeleteValue of another key", func(w *transaction.Writer) { w.DeleteValue([]byte("kk"), at(10)) },
				[]string{"record k @ 20: Put by 10", `value k of 12: ""`, `value k of 10: "x"`}},
			{"a PutRecord of a rollback", func(w *transaction.Writer) {
				w.PutRecord(key, &transaction.Record{StartTS: at(12), Kind: kvrpcpb.Op_Rollback, CommitTS: at(12)})
			}, []string{"record k @ 20: Put by 10", "record k @ 12: Rollback by 12", `value k of 12: ""`, `value k of 10: "x"`}},
		}
		for _, step := range steps {
			var w transaction.Writer
			step.write(&w)
			d.apply(w.Ops())
			require.Equal(t, step.want, d.content(), "what is stored after %s", step.what)
		}
	})
}

// A Writer keeps several writes, in their order: the later one of two to the same place
// counts.
func TestWritesAreCollected4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a Writer returns all writes in the order in which they were added",
		Source: "the comment on Ops (kv/transaction/writer.go)",
	}, func(t *graded.T) {
		d := empty(t)
		var w transaction.Writer
		require.Empty(t, w.Ops(), "the writes of a Writer that was not used")
		lock := func(ms int) *transaction.Lock {
			return &transaction.Lock{Primary: []byte("p"), StartTS: at(ms), TTL: 1, Kind: kvrpcpb.Op_Del}
		}
		w.PutLock([]byte("a"), lock(1))
		w.DeleteLock([]byte("a"))
		w.DeleteLock([]byte("b"))
		w.PutLock([]byte("b"), lock(2))
		w.PutLock([]byte("c"), lock(3))
		w.PutLock([]byte("c"), lock(4))
		w.PutValue([]byte("d"), at(5), []byte("first"))
		w.PutValue([]byte("d"), at(5), []byte("second"))
		require.Len(t, w.Ops(), 8, "the writes after 8 calls")

		// A rollback. The value and the record of a transaction have the same key, each in
		// its family.
		d.locked("e", "e", kvrpcpb.Op_Put, 6, 1, "x").locked("f", "e", kvrpcpb.Op_Put, 6, 1, "x")
		rollback := transaction.Record{StartTS: at(6), Kind: kvrpcpb.Op_Rollback, CommitTS: at(6)}
		w.DeleteLock([]byte("e"))
		w.DeleteValue([]byte("e"), at(6))
		w.PutRecord([]byte("e"), &rollback)
		w.PutRecord([]byte("f"), &rollback)
		w.DeleteValue([]byte("f"), at(6))
		w.DeleteLock([]byte("f"))
		require.Equal(t, 14, len(w.Ops()), "the writes after 14 calls, some of which have the same key in different families")
		d.apply(w.Ops())
		require.Equal(t, []string{
			"lock b: Del by 2, primary p, ttl 1",
			"lock c: Del by 4, primary p, ttl 1",
			"record e @ 6: Rollback by 6",
			"record f @ 6: Rollback by 6",
			`value d of 5: "second"`,
		}, d.content(), "what is stored after all of them were written at once")
	})
}
