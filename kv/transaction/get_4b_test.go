package transaction_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A reader waits for a lock of a transaction that may commit below its timestamp, and
// sees past one that cannot.
func TestLocksBlockLaterReaders4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a lock is in the way of readers at or after its start timestamp, and of no others",
		Source: paper,
	}, func(t *graded.T) {
		d := empty(t).put("k", 10, 20, "old").locked("k", "p", kvrpcpb.Op_Put, 30, 5, "new")
		r := d.reader()
		for _, c := range []struct {
			ts      int
			blocked bool
		}{{20, false}, {29, false}, {30, true}, {31, true}, {1000, true}} {
			resp, err := transaction.Get(r, &kvrpcpb.GetRequest{Key: []byte("k"), Version: at(c.ts)})
			require.NoError(t, err, "Get at %d", c.ts)
			lock := resp.GetError().GetLocked()
			if !c.blocked {
				require.Nil(t, resp.Error, "error of Get at %d", c.ts)
				require.Equal(t, "old", string(resp.Value), "Get at %d", c.ts)
				continue
			}
			require.NotNil(t, lock, "Get at %d does not tell of the lock of 30", c.ts)
			require.Equal(t, []string{"k", "p"}, []string{string(lock.Key), string(lock.PrimaryLock)}, "the lock's key and primary key")
			require.Equal(t, []uint64{at(30), 5}, []uint64{lock.LockVersion, lock.LockTtl}, "the lock's start timestamp and time to live")
			require.Empty(t, resp.Value, "the value of Get at %d, which a lock is in the way of", c.ts)
		}
	})
}
