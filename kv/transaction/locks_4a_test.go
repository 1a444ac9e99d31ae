package transaction_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A lock is found with all that it says. A key without one has none, which is not an error.
func TestLocksAreFound4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Lock returns the lock of a key, complete, or nil if there is none",
		Source: "the comment on Lock (kv/transaction/reader.go)",
	}, func(t *graded.T) {
		d := empty(t).
			locked("put", "primary", kvrpcpb.Op_Put, 10, 3000, "x").
			locked("del", "del", kvrpcpb.Op_Del, 20, 0, "").
			locked("lock", "\x00\xff", kvrpcpb.Op_Lock, 30, math.MaxUint64, "").
			put("free", 10, 20, "x").
			rolledBack("free", 30)
		r := d.reader()
		for _, c := range []struct {
			key  string
			want transaction.Lock
		}{
			{"put", transaction.Lock{Primary: []byte("primary"), StartTS: at(10), TTL: 3000, Kind: kvrpcpb.Op_Put}},
			{"del", transaction.Lock{Primary: []byte("del"), StartTS: at(20), Kind: kvrpcpb.Op_Del}},
			{"lock", transaction.Lock{Primary: []byte("\x00\xff"), StartTS: at(30), TTL: math.MaxUint64, Kind: kvrpcpb.Op_Lock}},
		} {
			lock, err := r.Lock([]byte(c.key))
			require.NoError(t, err, "Lock of %q", c.key)
			require.NotNil(t, lock, "Lock of %q, which is locked", c.key)
			require.Equal(t, c.want, *lock, "the lock of %q", c.key)
		}
		for _, key := range []string{"free", "absent", "pu", "put\x00"} {
			lock, err := r.Lock([]byte(key))
			require.NoError(t, err, "Lock of %q, which is not locked", key)
			require.Nil(t, lock, "Lock of %q, which is not locked", key)
		}
	})
}

// A transaction that is about to write a key commits after it has started. So a lock matters
// to readers from its start on.
func TestLocksBlockReaders4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a lock that is about to change a key is in the way of readers above its start timestamp, and not of those below",
		Source: "the comment on Blocks (kv/transaction/lock.go)",
	}, func(t *graded.T) {
		for _, kind := range []kvrpcpb.Op{kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock} {
			lock := transaction.Lock{Primary: []byte("p"), StartTS: transaction.Timestamp(10, 5), TTL: 5, Kind: kind}
			for _, c := range []struct {
				ts     uint64
				blocks bool
			}{{1, false}, {at(9), false}, {at(10), false}, {at(10) + 4, false}, {at(10) + 6, true}, {at(11), true}, {at(1000), true}, {math.MaxUint64, true}} {
				if kind == kvrpcpb.Op_Lock && c.blocks {
					continue // it changes nothing: a reader may wait, and need not
				}
				require.Equal(t, c.blocks, lock.Blocks(c.ts), "a lock of 10+5 of kind %v is in the way of a reader at %s", kind, ms(c.ts))
			}
		}
	})
}
