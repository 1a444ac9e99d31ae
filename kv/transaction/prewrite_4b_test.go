package transaction_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

const onPrewrite = "the comment on Prewrite (kv/transaction/prewrite.go)"

// A prewrite of one key against every state that the key can be in. The transaction
// has started at 50.
func TestPrewrite4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a prewrite locks a key that is free and was not committed since its start, and else says why not and changes nothing",
		Source: onPrewrite,
	}, func(t *graded.T) {
		const (
			nothing = "nothing" // the request was carried out before: it succeeds, and nothing is written
			locks   = "locks"   // it succeeds, and locks the key
		)
		for _, c := range []struct {
			state string
			make  func(d *data)
			want  []string // one of these
		}{
			{"absent", func(d *data) {}, []string{locks}},
			{"committed before", func(d *data) { d.put("k", 30, 49, "x") }, []string{locks}},
			{"committed at the same timestamp", func(d *data) { d.put("k", 30, 50, "x") }, []string{"conflict at 50"}},
			{"committed after, by a transaction that started before", func(d *data) { d.put("k", 30, 51, "x") }, []string{"conflict at 51"}},
			{"committed after, by a transaction that started after", func(d *data) { d.put("k", 60, 70, "x") }, []string{"conflict at 70"}},
			{"committed twice after", func(d *data) { d.put("k", 45, 55, "x").put("k", 60, 70, "x") }, []string{"conflict at 55", "conflict at 70"}},
			{"deleted before", func(d *data) { d.put("k", 10, 20, "x").committed("k", kvrpcpb.Op_Del, 30, 40, "") }, []string{locks}},
			{"deleted after", func(d *data) { d.put("k", 10, 20, "x").committed("k", kvrpcpb.Op_Del, 30, 60, "") }, []string{"conflict at 60"}},
			{"locked and committed after, without a change", func(d *data) { d.committed("k", kvrpcpb.Op_Lock, 30, 60, "") }, []string{"conflict at 60"}},

			{"locked by the transaction itself", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 50, 7, "v") }, []string{nothing}},
			{"locked by the transaction itself, which has prolonged its life", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 50, 9000, "v") }, []string{nothing}},
			{"locked by the transaction itself, and committed before", func(d *data) { d.put("k", 30, 40, "x").locked("k", "p", kvrpcpb.Op_Put, 50, 7, "v") }, []string{nothing}},
			{"locked by an older transaction", func(d *data) { d.locked("k", "q", kvrpcpb.Op_Put, 40, 3, "x") }, []string{"locked by 40"}},
			{"locked by a newer transaction", func(d *data) { d.locked("k", "q", kvrpcpb.Op_Del, 60, 3, "") }, []string{"locked by 60"}},
			{"locked by a transaction that changes nothing", func(d *data) { d.locked("k", "q", kvrpcpb.Op_Lock, 40, 3, "") }, []string{"locked by 40"}},
			{"locked by a transaction that is over its time", func(d *data) { d.locked("k", "q", kvrpcpb.Op_Put, 1, 0, "x") }, []string{"locked by 1"}},
			{"locked by another transaction, and committed before", func(d *data) { d.put("k", 10, 20, "x").locked("k", "q", kvrpcpb.Op_Put, 40, 3, "x") }, []string{"locked by 40"}},
			{"locked by another transaction, and committed after", func(d *data) { d.put("k", 55, 60, "x").locked("k", "q", kvrpcpb.Op_Put, 70, 3, "x") }, []string{"locked by 70", "conflict at 60"}},

			{"rolled back by the transaction itself", func(d *data) { d.rolledBack("k", 50) }, []string{"abort"}},
			{"rolled back by the transaction itself, and then by a newer one", func(d *data) { d.rolledBack("k", 50).rolledBack("k", 60) }, []string{"abort", "conflict at 60"}},
			{"rolled back by the transaction itself, and locked by another one", func(d *data) { d.rolledBack("k", 50).locked("k", "q", kvrpcpb.Op_Put, 60, 3, "x") }, []string{"abort", "locked by 60"}},
			{"rolled back by the transaction itself, and then committed by another one", func(d *data) { d.rolledBack("k", 50).put("k", 55, 60, "x") }, []string{"abort", "conflict at 60"}},
			{"rolled back by an older transaction", func(d *data) { d.rolledBack("k", 49) }, []string{locks}},
			{"rolled back by a newer transaction", func(d *data) { d.rolledBack("k", 60) }, []string{locks, "conflict at 60"}},
			{"rolled back by a newer transaction, and committed after before that", func(d *data) { d.put("k", 30, 55, "x").rolledBack("k", 60) }, []string{"conflict at 55", "conflict at 60"}},
			{"rolled back by a newer transaction, and committed before", func(d *data) { d.put("k", 30, 40, "x").rolledBack("k", 60) }, []string{locks, "conflict at 60"}},

			{"committed by the transaction itself", func(d *data) { d.put("k", 50, 60, "v") }, []string{nothing, "conflict at 60", "abort", "retryable"}},
			{"its neighbours are locked and committed after", func(d *data) {
				d.locked("j", "q", kvrpcpb.Op_Put, 40, 3, "x").locked("k\x00", "q", kvrpcpb.Op_Put, 40, 3, "x").put("kk", 30, 60, "x").rolledBack("l", 50)
			}, []string{locks}},
		} {
			for _, m := range []*kvrpcpb.Mutation{put("k", "v"), del("k"), onlyLock("k")} {
				what := fmt.Sprintf("Prewrite of a %v of a key that is %s", m.Op, c.state)
				d := empty(t)
				c.make(d)
				before := d.content()
				resp, ops, err := transaction.Prewrite(d.reader(), prewrite(50, m))
				require.NoError(t, err, "%s", what)
				require.Nil(t, resp.RegionError, "region error of %s", what)
				d.apply(ops)
				got := nothing
				switch {
				case len(resp.Errors) > 0:
					require.Len(t, resp.Errors, 1, "errors of one key: %s", what)
					got = told(resp.Errors[0])
				case len(ops) > 0:
					got = locks
				}
				if !slices.Contains(c.want, got) {
					t.Fatalf("%s: it is %q and should be %s", what, got, strings.Join(c.want, " or "))
				}
				after := before
				if got == locks {
					d2 := empty(t)
					c.make(d2)
					after = d2.locked("k", "p", m.Op, 50, 7, "v").content()
				}
				require.Equal(t, after, d.content(), "what is stored after %s", what)
				if got != locks {
					require.Empty(t, ops, "the writes of %s", what)
				}
			}
		}
	})
}

// What a prewrite stores for each kind of mutation: a value for Put alone, also if the
// mutation of another kind has one.
func TestPrewriteStoresMutations4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a prewrite locks each key for what the transaction does to it, and stores the values of Put",
		Source: onPrewrite,
	}, func(t *graded.T) {
		d := empty(t)
		req := &kvrpcpb.PrewriteRequest{
			Mutations: []*kvrpcpb.Mutation{
				put("d", "x"), put("b", ""), del("a"), onlyLock("c"),
				{Op: kvrpcpb.Op_Del, Key: []byte("e"), Value: []byte("ignored")},
				{Op: kvrpcpb.Op_Lock, Key: []byte("f"), Value: []byte("ignored")},
			},
			PrimaryLock: []byte("b"), StartVersion: transaction.Timestamp(50, 3), LockTtl: 3000,
		}
		resp, ops, err := transaction.Prewrite(d.reader(), req)
		require.NoError(t, err, "Prewrite")
		require.Equal(t, []string{}, allTold(resp.Errors), "errors of Prewrite")
		require.Zero(t, resp.CommitVersion, "the commit timestamp of a prewrite that has locked its keys")
		d.apply(ops)
		require.Equal(t, []string{
			"lock a: Del by 50+3, primary b, ttl 3000",
			"lock b: Put by 50+3, primary b, ttl 3000",
			"lock c: Lock by 50+3, primary b, ttl 3000",
			"lock d: Put by 50+3, primary b, ttl 3000",
			"lock e: Del by 50+3, primary b, ttl 3000",
			"lock f: Lock by 50+3, primary b, ttl 3000",
			`value b of 50+3: ""`,
			`value d of 50+3: "x"`,
		}, d.content(), "what is stored after Prewrite")
	})
}

// Lock and conflict are described so that the client can act on them.
func TestPrewriteErrorsAreComplete4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the error of a prewrite has the lock in the way, or the write that it conflicts with",
		Source: "the protocol (proto/kvrpcpb/kvrpcpb.proto)",
	}, func(t *graded.T) {
		d := empty(t).locked("a", "q", kvrpcpb.Op_Put, 40, 3, "x").put("b", 45, 55, "x")
		resp, _, err := transaction.Prewrite(d.reader(), prewrite(50, put("a", "x")))
		require.NoError(t, err, "Prewrite of a locked key")
		require.Len(t, resp.Errors, 1, "errors of Prewrite of a locked key")
		lock := resp.Errors[0].GetLocked()
		require.NotNil(t, lock, "the lock that is in the way of Prewrite")
		require.Equal(t, []string{"a", "q"}, []string{string(lock.Key), string(lock.PrimaryLock)}, "the lock's key and primary key")
		require.Equal(t, []uint64{at(40), 3}, []uint64{lock.LockVersion, lock.LockTtl}, "the lock's start timestamp and time to live")

		resp, _, err = transaction.Prewrite(d.reader(), prewrite(50, put("b", "x")))
		require.NoError(t, err, "Prewrite of a key that was committed since")
		require.Len(t, resp.Errors, 1, "errors of Prewrite of a key that was committed since")
		conflict := resp.Errors[0].GetConflict()
		require.NotNil(t, conflict, "the conflict of Prewrite with a later commit")
		require.Equal(t, "b", string(conflict.Key), "the key of the conflict")
		require.Equal(t, []uint64{at(50), at(55)}, []uint64{conflict.StartTs, conflict.ConflictTs}, "the start timestamp of the prewrite, and the commit timestamp of the write in its way")
	})
}

// One key that cannot be locked keeps all others free, wherever it stands in the request.
// Every such key has its error.
func TestPrewriteIsAllOrNothing4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a prewrite locks all keys or none, and has an error for each key that cannot be locked",
		Source: onPrewrite,
	}, func(t *graded.T) {
		state := func() *data {
			return empty(t).
				locked("locked", "q", kvrpcpb.Op_Put, 40, 3, "x").
				put("newer", 45, 55, "x").
				rolledBack("gone", 50).
				locked("mine", "p", kvrpcpb.Op_Put, 50, 7, "v")
		}
		d := state()
		before := d.content()
		for _, c := range []struct {
			keys []string
			want []string
		}{
			{[]string{"a", "locked"}, []string{"locked by 40"}},
			{[]string{"locked", "a"}, []string{"locked by 40"}},
			{[]string{"a", "newer", "b"}, []string{"conflict at 55"}},
			{[]string{"gone", "a"}, []string{"abort"}},
			{[]string{"a", "gone", "mine"}, []string{"abort"}},
			{[]string{"mine", "locked"}, []string{"locked by 40"}},
			{[]string{"a", "locked", "b", "newer", "mine", "gone", "c"}, []string{"abort", "conflict at 55", "locked by 40"}},
		} {
			req := prewrite(50)
			for _, key := range c.keys {
				req.Mutations = append(req.Mutations, put(key, "v"))
			}
			resp, ops, err := transaction.Prewrite(d.reader(), req)
			require.NoError(t, err, "Prewrite of %q", c.keys)
			require.Equal(t, c.want, allTold(resp.Errors), "the errors of Prewrite of %q", c.keys)
			require.Empty(t, ops, "the writes of Prewrite of %q", c.keys)
			require.Equal(t, before, d.content(), "what is stored after Prewrite of %q", c.keys)
		}

		resp, ops, err := transaction.Prewrite(d.reader(), prewrite(50, put("a", "v"), put("mine", "v"), put("b", "v")))
		require.NoError(t, err, "Prewrite of two free keys and one that the transaction has locked")
		require.Equal(t, []string{}, allTold(resp.Errors), "the errors of Prewrite of two free keys and one that the transaction has locked")
		d.apply(ops)
		want := state().locked("a", "p", kvrpcpb.Op_Put, 50, 7, "v").locked("b", "p", kvrpcpb.Op_Put, 50, 7, "v").content()
		require.Equal(t, want, d.content(), "what is stored after Prewrite of two free keys and one that the transaction has locked")
	})
}

// The network brings requests twice, and late. The second one finds what the first one has
// done, or what has become of it since.
func TestPrewritesAreRepeated4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a prewrite that comes again changes nothing, whatever the transaction has done meanwhile",
		Source: onPrewrite,
	}, func(t *graded.T) {
		d := empty(t)
		req := prewrite(50, put("a", "x"), del("b"), onlyLock("c"))
		again := func(when string, succeeds bool) {
			t.Helper()
			before := d.content()
			resp, ops, err := transaction.Prewrite(d.reader(), req)
			require.NoError(t, err, "Prewrite again, %s", when)
			if succeeds {
				require.Equal(t, []string{}, allTold(resp.Errors), "errors of Prewrite again, %s", when)
			}
			require.Empty(t, ops, "the writes of Prewrite again, %s", when)
			require.Equal(t, before, d.content(), "what is stored after Prewrite again, %s", when)
		}
		_, ops, err := transaction.Prewrite(d.reader(), req)
		require.NoError(t, err, "Prewrite")
		d.apply(ops)
		again("while the keys are locked", true)
		_, ops, err = transaction.Commit(d.reader(), commit(50, 60, "a", "b", "c"))
		require.NoError(t, err, "Commit")
		d.apply(ops)
		again("after the commit", false)
		d.put("a", 70, 80, "y").put("b", 70, 80, "y").put("c", 70, 80, "y")
		again("after another transaction's commit", false)
		for i := range 20 {
			d.rolledBack("a", 100+i).rolledBack("b", 100+i).rolledBack("c", 100+i)
		}
		again("after many rollbacks", false)
	})
}

// A request with very many keys, and one for a key with very many versions.
func TestPrewritesAreLarge4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a prewrite costs a few reads of the engine for each key, however many older versions it has",
		Source: onPrewrite,
	}, func(t *graded.T) {
		d := empty(t)
		const keys = 2000
		req, all := prewrite(5000), commit(5000, 6000)
		for i := range keys {
			key := fmt.Sprintf("key%04d", i*7919%keys)
			req.Mutations = append(req.Mutations, put(key, "value of "+key))
			all.Keys = append(all.Keys, []byte(key))
		}
		for i := range 500 {
			d.put("key0000", 10+5*i, 12+5*i, "old")
		}
		r, before := d.reader(), d.engine.Reads()
		_, _, err := transaction.Prewrite(r, prewrite(4000, put("key0000", "x")))
		require.NoError(t, err, "Prewrite of a key with 500 versions")
		require.LessOrEqual(t, d.engine.Reads()-before, 30, "reads of the engine for Prewrite of a key with 500 older versions")
		for _, step := range []struct {
			what string
			do   func(r *transaction.Reader) (err error)
		}{
			{"Prewrite", func(r *transaction.Reader) error {
				resp, ops, err := transaction.Prewrite(r, req)
				require.Equal(t, []string{}, allTold(resp.GetErrors()), "errors of Prewrite of 2000 keys")
				d.apply(ops)
				return err
			}},
			{"Commit", func(r *transaction.Reader) error {
				resp, ops, err := transaction.Commit(r, all)
				require.Nil(t, resp.GetError(), "error of Commit of 2000 keys")
				d.apply(ops)
				return err
			}},
		} {
			r, before := d.reader(), d.engine.Reads()
			require.NoError(t, step.do(r), "%s of 2000 keys", step.what)
			require.LessOrEqual(t, d.engine.Reads()-before, 10*keys, "reads of the engine for %s of 2000 keys, one with 500 versions", step.what)
		}
		for i := range keys {
			key := fmt.Sprintf("key%04d", i)
			resp, err := transaction.Get(d.reader(), &kvrpcpb.GetRequest{Key: []byte(key), Version: at(7000)})
			require.NoError(t, err, "Get of %s", key)
			require.Equal(t, "value of "+key, string(resp.Value), "Get of %s after the commit", key)
		}
	})
}
