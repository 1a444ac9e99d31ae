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

// A heart beat makes the lock that it has read live longer, and writes it. If that write is
// refused, nothing has changed.
func TestReadsBelongToTheirCaller4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a caller may change what a read returns: the next read returns what is stored",
		Source: "the comment on Reader (kv/transaction/reader.go)",
	}, func(t *graded.T) {
		d := empty(t).put("k", 10, 20, "value").locked("k", "primary", kvrpcpb.Op_Del, 30, 5, "")
		r, key := d.reader(), []byte("k")
		for _, again := range []struct {
			by   string
			read *transaction.Reader
		}{{"the same reader", r}, {"another reader", d.reader()}} {
			lock, err := r.Lock(key)
			require.NoError(t, err, "Lock")
			require.NotNil(t, lock, "Lock of a key that is locked")
			*lock = transaction.Lock{Primary: append(lock.Primary[:0], "changed"...), StartTS: 1, TTL: 9000}
			lock, err = again.read.Lock(key)
			require.NoError(t, err, "Lock again, by %s", again.by)
			require.Equal(t, &transaction.Lock{Primary: []byte("primary"), StartTS: at(30), TTL: 5, Kind: kvrpcpb.Op_Del}, lock,
				"the lock of a key, read by %s after a caller has changed the lock that it was given before", again.by)

			for _, record := range []func(*transaction.Reader) (*transaction.Record, error){
				func(r *transaction.Reader) (*transaction.Record, error) { return r.Visible(key, at(25)) },
				func(r *transaction.Reader) (*transaction.Record, error) { return r.RecordOf(key, at(10)) },
			} {
				first, err := record(r)
				require.NoError(t, err, "a record")
				require.NotNil(t, first, "the record of a key that was committed")
				*first = transaction.Record{StartTS: 1, Kind: kvrpcpb.Op_Rollback, CommitTS: 1}
				second, err := record(again.read)
				require.NoError(t, err, "a record again, by %s", again.by)
				require.Equal(t, &transaction.Record{StartTS: at(10), Kind: kvrpcpb.Op_Put, CommitTS: at(20)}, second,
					"the record of a key, read by %s after a caller has changed the record that it was given before", again.by)
			}

			value, _, err := r.Value(key, at(25))
			require.NoError(t, err, "Value")
			copy(value, "xxxxx")
			value, _, err = again.read.Value(key, at(25))
			require.NoError(t, err, "Value again, by %s", again.by)
			require.Equal(t, "value", string(value), "the value of a key, read by %s after a caller has changed the value that it was given before", again.by)
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
