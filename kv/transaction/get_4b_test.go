package transaction_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A reader waits for a lock of a transaction that may commit below its timestamp, and
// sees past one that cannot.
func TestLocksBlockLaterReaders4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a lock is in the way of readers above its start timestamp, and not of those below",
		Source: paper,
	}, func(t *graded.T) {
		d := empty(t).put("k", 10, 20, "old").locked("k", "p", kvrpcpb.Op_Put, 30, 5, "new")
		r := d.reader()
		for _, c := range []struct {
			ts      int
			blocked bool
		}{{20, false}, {29, false}, {31, true}, {1000, true}} {
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

// Get against every state that a key can be in.
func TestGet4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Get answers with the value at its timestamp, that there is none, or the lock in the way",
		Source: "the comment on Get (kv/transaction/get.go)",
	}, func(t *graded.T) {
		const notFound = "not found"
		for _, c := range []struct {
			state string
			make  func(d *data)
			ts    uint64
			want  string
		}{
			{"absent", func(d *data) {}, at(50), notFound},
			{"absent, and its neighbours are there", func(d *data) { d.put("j", 10, 20, "j").put("k\x00", 10, 20, "k0") }, at(50), notFound},
			{"committed before", func(d *data) { d.put("k", 10, 20, "x") }, at(50), "value x"},
			{"committed at the reader's timestamp", func(d *data) { d.put("k", 10, 50, "x") }, at(50), "value x"},
			{"committed after, by a transaction that started before", func(d *data) { d.put("k", 10, 51, "x") }, at(50), notFound},
			{"committed before and after", func(d *data) { d.put("k", 10, 20, "x").put("k", 30, 60, "y") }, at(50), "value x"},
			{"committed, read at the greatest timestamp", func(d *data) { d.put("k", 10, 20, "x") }, math.MaxUint64, "value x"},
			{"an empty value", func(d *data) { d.put("k", 10, 20, "") }, at(50), "value "},
			{"deleted", func(d *data) { d.put("k", 10, 20, "x").committed("k", kvrpcpb.Op_Del, 30, 40, "") }, at(50), notFound},
			{"deleted later", func(d *data) { d.put("k", 10, 20, "x").committed("k", kvrpcpb.Op_Del, 30, 60, "") }, at(50), "value x"},
			{"committed, then a rollback", func(d *data) { d.put("k", 10, 20, "x").rolledBack("k", 30) }, at(50), "value x"},
			{"only a rollback", func(d *data) { d.rolledBack("k", 30) }, at(50), notFound},
			{"committed, then locked for nothing", func(d *data) { d.put("k", 10, 20, "x").committed("k", kvrpcpb.Op_Lock, 30, 40, "") }, at(50), "value x"},
			{"locked by an older transaction", func(d *data) { d.put("k", 10, 20, "x").locked("k", "p", kvrpcpb.Op_Put, 40, 3, "y") }, at(50), "locked by 40"},
			{"locked by an older transaction that deletes it", func(d *data) { d.put("k", 10, 20, "x").locked("k", "p", kvrpcpb.Op_Del, 40, 3, "") }, at(50), "locked by 40"},
			{"locked just before the reader's timestamp", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 50, 3, "y") }, at(50) + 1, "locked by 50"},
			{"locked by an older transaction, and committed after", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 70, 3, "y").put("k", 55, 60, "x") }, at(80), "locked by 70"},
			{"locked by a newer transaction", func(d *data) { d.put("k", 10, 20, "x").locked("k", "p", kvrpcpb.Op_Put, 51, 3, "y") }, at(50), "value x"},
			{"locked by a newer transaction, and absent", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Del, 51, 3, "") }, at(50), notFound},
			{"locked, read at the greatest timestamp", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 51, 3, "y") }, math.MaxUint64, "locked by 51"},
			{"its neighbours are locked", func(d *data) {
				d.put("k", 10, 20, "x").locked("j", "p", kvrpcpb.Op_Put, 30, 3, "y").locked("k\x00", "p", kvrpcpb.Op_Put, 30, 3, "y")
			}, at(50), "value x"},
		} {
			d := empty(t)
			c.make(d)
			before := d.content()
			resp, err := transaction.Get(d.reader(), &kvrpcpb.GetRequest{Key: []byte("k"), Version: c.ts})
			require.NoError(t, err, "Get of a key that is %s", c.state)
			require.Nil(t, resp.RegionError, "region error of Get of a key that is %s", c.state)
			got := "value " + string(resp.Value)
			switch {
			case resp.Error != nil:
				require.Empty(t, resp.Value, "the value of a response with an error, for a key that is %s", c.state)
				require.False(t, resp.NotFound, "not_found of a response with an error, for a key that is %s", c.state)
				got = told(resp.Error)
			case resp.NotFound:
				require.Empty(t, resp.Value, "the value of a response with not_found, for a key that is %s", c.state)
				got = notFound
			}
			require.Equal(t, c.want, got, "Get of a key that is %s", c.state)
			require.Equal(t, before, d.content(), "what is stored after Get of a key that is %s", c.state)
		}
	})
}

// A command that cannot read what it decides on has no answer, and nothing to write.
func TestCommandsReturnReadErrors4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command that meets an error of the engine, or corrupt data, returns the error and no writes",
		Source: contract,
	}, func(t *graded.T) {
		commands := []struct {
			what string
			do   func(r *transaction.Reader) (answered bool, writes int, err error)
		}{
			{"Get at 100", func(r *transaction.Reader) (bool, int, error) {
				resp, err := transaction.Get(r, &kvrpcpb.GetRequest{Key: []byte("k"), Version: at(100)})
				return resp != nil, 0, err
			}},
			{"Prewrite of the transaction of 100", func(r *transaction.Reader) (bool, int, error) {
				resp, ops, err := transaction.Prewrite(r, prewrite(100, put("a", "x"), put("k", "y")))
				return resp != nil, len(ops), err
			}},
			{"Commit of the transaction of 40", func(r *transaction.Reader) (bool, int, error) {
				resp, ops, err := transaction.Commit(r, &kvrpcpb.CommitRequest{Keys: [][]byte{[]byte("l"), []byte("k")}, StartVersion: at(40), CommitVersion: at(90)})
				return resp != nil, len(ops), err
			}},
		}
		state := func() *data {
			return empty(t).put("k", 10, 20, "x").rolledBack("k", 30).rolledBack("k", 50).locked("l", "l", kvrpcpb.Op_Put, 40, 5, "z")
		}
		for _, command := range commands {
			hit := 0
			for _, cf := range engine.Families {
				for _, f := range []fault{{get: cf}, {iterate: cf}, {walk: cf}} {
					for f.after = range 6 {
						r, view := state().faulty(f)
						_, writes, err := command.do(r)
						require.NoError(t, view.Close(), "closing the view")
						if view.failed {
							hit++
							require.True(t, ofDisk(err), "%s on a disk that fails: the error is %v, and should be %v, which may be wrapped", command.what, err, errDisk)
							require.Zero(t, writes, "the writes of %s on a disk that fails", command.what)
						}
					}
				}
			}
			require.NotZero(t, hit, "%s meets no error on a disk that fails everywhere", command.what)

			for _, op := range []engine.Op{
				{CF: engine.CFLock, Key: transaction.EncodeKey([]byte("k")), Value: []byte("?")},
				{CF: engine.CFWrite, Key: transaction.VersionKey([]byte("k"), at(100)), Value: []byte("?")},
			} {
				d := state()
				d.apply([]engine.Op{op})
				corrupt := "a corrupt lock"
				if op.CF == engine.CFWrite {
					corrupt = "a corrupt record at 100"
				}
				_, writes, err := command.do(d.reader())
				require.Error(t, err, "%s of a key with %s", command.what, corrupt)
				require.Zero(t, writes, "the writes of %s of a key with %s", command.what, corrupt)
			}
		}
		d := state()
		d.apply([]engine.Op{{CF: engine.CFDefault, Key: transaction.VersionKey([]byte("k"), at(10)), Delete: true}})
		_, err := transaction.Get(d.reader(), &kvrpcpb.GetRequest{Key: []byte("k"), Version: at(100)})
		require.Error(t, err, "Get of a key whose value is missing")
	})
}
