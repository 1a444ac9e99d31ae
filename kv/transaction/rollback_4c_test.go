package transaction_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

const onRollback = "the comment on BatchRollback"

// A rollback removes the lock and the value, and leaves a record.
func TestRollbackLeavesRecord4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a rollback removes lock and value of the transaction, and leaves a record that keeps it from coming back",
		Source: onRollback,
	}, func(t *graded.T) {
		d := empty(t).locked("a", "a", kvrpcpb.Op_Put, 10, 5, "x")
		resp, ops, err := transaction.BatchRollback(d.reader(), &kvrpcpb.BatchRollbackRequest{StartVersion: at(10), Keys: [][]byte{[]byte("a"), []byte("b")}})
		require.NoError(t, err, "BatchRollback")
		require.Nil(t, resp.Error, "error of BatchRollback")
		d.apply(ops)
		require.Equal(t, []string{"record a @ 10: Rollback by 10", "record b @ 10: Rollback by 10"}, d.content(), "what is stored after the rollback")
	})
}

// The transaction in question has started at 30.
func TestRollbackInEveryState4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "BatchRollback removes what the transaction has at a key and nothing else, leaves a record of the rollback, and is refused if the key is committed",
		Source: onRollback,
	}, func(t *graded.T) {
		const (
			put, del, lock = kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock

			rollback = "record k @ 30: Rollback by 30"
		)
		for _, c := range []struct {
			state string
			build func(d *data)
			err   string
			// content is what is stored afterwards; nil if nothing may change.
			content []string
		}{
			{"nothing", func(*data) {}, "none", []string{rollback}},
			{"older and newer versions of others", func(d *data) { d.put("k", 10, 20, "x").put("k", 35, 45, "y") }, "none",
				[]string{"record k @ 45: Put by 35", rollback, "record k @ 20: Put by 10", `value k of 35: "y"`, `value k of 10: "x"`}},
			{"a version of another, which began before and ended after", func(d *data) { d.put("k", 20, 40, "x") }, "none",
				[]string{"record k @ 40: Put by 20", rollback, `value k of 20: "x"`}},
			{"rollbacks of others", func(d *data) { d.rolledBack("k", 29).rolledBack("k", 31) }, "none",
				[]string{"record k @ 31: Rollback by 31", rollback, "record k @ 29: Rollback by 29"}},
			{"a lock of an older transaction", func(d *data) { d.locked("k", "k", put, 20, 1, "x") }, "none",
				[]string{"lock k: Put by 20, primary k, ttl 1", rollback, `value k of 20: "x"`}},
			{"a lock of a newer transaction", func(d *data) { d.locked("k", "p", put, 40, 1, "x") }, "none",
				[]string{"lock k: Put by 40, primary p, ttl 1", rollback, `value k of 40: "x"`}},

			{"its lock", func(d *data) { d.locked("k", "k", put, 30, 5, "x") }, "none", []string{rollback}},
			{"its lock, with another primary key", func(d *data) { d.locked("k", "p", put, 30, 5, "x") }, "none", []string{rollback}},
			{"its lock, far from expired", func(d *data) { d.locked("k", "k", put, 30, 1<<40, "x") }, "none", []string{rollback}},
			{"its lock for an empty value", func(d *data) { d.locked("k", "k", put, 30, 5, "") }, "none", []string{rollback}},
			{"its lock for a deletion, on an older version", func(d *data) { d.put("k", 10, 20, "x").locked("k", "k", del, 30, 5, "") }, "none",
				[]string{rollback, "record k @ 20: Put by 10", `value k of 10: "x"`}},
			{"its lock without a write", func(d *data) { d.locked("k", "k", lock, 30, 5, "") }, "none", []string{rollback}},
			{"its lock, among values of others", func(d *data) {
				d.put("k", 10, 20, "x").locked("k", "k", put, 30, 5, "y").put("j", 30, 40, "j").locked("l", "k", put, 30, 5, "l")
			}, "none", []string{"lock l: Put by 30, primary k, ttl 5", "record j @ 40: Put by 30", rollback, "record k @ 20: Put by 10", `value j of 30: "j"`, `value k of 10: "x"`, `value l of 30: "l"`}},

			{"committed", func(d *data) { d.put("k", 30, 40, "x") }, "abort", nil},
			{"committed, as a deletion", func(d *data) { d.committed("k", del, 30, 40, "") }, "abort", nil},
			{"committed, without a write", func(d *data) { d.committed("k", lock, 30, 40, "") }, "abort", nil},
			{"committed, below versions of others", func(d *data) { d.put("k", 30, 40, "y").put("k", 42, 44, "z").rolledBack("k", 48) }, "abort", nil},
			{"committed, above the rollback of a later transaction", func(d *data) { d.put("k", 30, 40, "x").rolledBack("k", 35) }, "abort", nil},
			{"committed, then locked by another", func(d *data) { d.put("k", 30, 40, "x").locked("k", "k", put, 45, 1, "y") }, "abort", nil},

			{"rolled back", func(d *data) { d.rolledBack("k", 30) }, "none", nil},
			{"rolled back, among versions of others", func(d *data) { d.put("k", 10, 20, "x").rolledBack("k", 30).put("k", 31, 40, "y") }, "none", nil},
			{"rolled back, then locked by another", func(d *data) { d.rolledBack("k", 30).locked("k", "k", put, 40, 1, "y") }, "none", nil},
		} {
			d := empty(t)
			c.build(d)
			before := d.content()
			require.Equal(t, c.err, d.rollback(30, "k"), "error of BatchRollback in the state %q", c.state)
			if c.content == nil {
				c.content = before
			}
			require.Equal(t, c.content, d.content(), "what is stored after BatchRollback in the state %q", c.state)

			resp, ops, err := transaction.BatchRollback(d.reader(), &kvrpcpb.BatchRollbackRequest{StartVersion: at(30), Keys: [][]byte{[]byte("k")}})
			require.NoError(t, err, "BatchRollback, sent twice in the state %q", c.state)
			require.Equal(t, c.err, keyErrorWords(resp.Error), "error of BatchRollback, sent twice in the state %q", c.state)
			require.Empty(t, ops, "writes of BatchRollback, sent twice in the state %q", c.state)
		}
	})
}

// Among several keys one is committed, wherever it stands in the request.
func TestRollbackAllOrNothing4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "BatchRollback rolls back all of its keys, or none if one is committed",
		Source: onRollback,
	}, func(t *graded.T) {
		build := func() *data {
			return empty(t).
				locked("locked", "locked", kvrpcpb.Op_Put, 30, 5, "x").
				locked("other's", "other's", kvrpcpb.Op_Put, 40, 5, "y").
				rolledBack("rolled back", 30).
				put("version", 10, 20, "z").
				put("committed", 30, 50, "c")
		}
		four := []string{"locked", "other's", "rolled back", "version"}
		for i := range 5 {
			d := build()
			before := d.content()
			var keys []string
			keys = append(append(append(keys, four[:i]...), "committed"), four[i:]...)
			require.Equal(t, "abort", d.rollback(30, keys...), "error of BatchRollback of %q", keys)
			require.Equal(t, before, d.content(), "what is stored after BatchRollback of %q, which was refused", keys)
		}

		d := build()
		require.Equal(t, "none", d.rollback(30, append(four, "absent")...), "error of BatchRollback of five keys that are not committed")
		require.Equal(t, []string{
			"lock other's: Put by 40, primary other's, ttl 5",
			"record absent @ 30: Rollback by 30",
			"record committed @ 50: Put by 30",
			"record locked @ 30: Rollback by 30",
			"record other's @ 30: Rollback by 30",
			"record rolled back @ 30: Rollback by 30",
			"record version @ 30: Rollback by 30",
			"record version @ 20: Put by 10",
			`value committed of 30: "c"`,
			`value other's of 40: "y"`,
			`value version of 10: "z"`,
		}, d.content(), "what is stored after BatchRollback of five keys in different states")
	})
}

// The requests of a transaction that was rolled back are still on their way, or are sent
// once more.
func TestRollbackIsFinal4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a transaction that was rolled back at a key can neither lock nor commit it, also if the rollback came first",
		Source: contract,
	}, func(t *graded.T) {
		stays := []string{"record k @ 30: Rollback by 30"}

		d := empty(t)
		require.Equal(t, "none", d.rollback(30, "k"), "error of a rollback that comes before the prewrite")
		require.Equal(t, []string{"abort"}, d.prewrite(30, "k", "k"), "errors of a prewrite that comes after the rollback")
		require.Equal(t, "abort", d.commit(30, 40, "k"), "error of a commit that comes after the rollback")
		require.Equal(t, stays, d.content(), "what is stored after requests that came late")

		d = empty(t)
		require.Empty(t, d.prewrite(30, "k", "k"), "errors of a prewrite in an empty store")
		require.Equal(t, "none", d.rollback(30, "k"), "error of the rollback of a key that is locked")
		require.Equal(t, []string{"abort"}, d.prewrite(30, "k", "k"), "errors of a prewrite that is sent again after the rollback")
		require.Equal(t, "abort", d.commit(30, 40, "k"), "error of a commit after the rollback")
		require.Equal(t, stays, d.content(), "what is stored after requests that were sent again")

		// Later transactions are not concerned.
		d = empty(t)
		require.Equal(t, "none", d.rollback(30, "k"), "error of a rollback in an empty store")
		require.Empty(t, d.prewrite(31, "k", "k"), "errors of a prewrite by the transaction of 31, after the transaction of 30 was rolled back")
		require.Equal(t, "none", d.rollback(30, "k"), "error of a rollback of a key that another transaction has locked")
		require.Equal(t, "none", d.commit(31, 40, "k"), "error of a commit by the transaction of 31, after the transaction of 30 was rolled back")

		// Nor is a lock that came before the rollback of a transaction without a lock.
		d = empty(t)
		require.Empty(t, d.prewrite(20, "k", "k"), "errors of a prewrite in an empty store")
		require.Equal(t, "none", d.rollback(30, "k"), "error of a rollback of a key that another has locked")
		require.Equal(t, "none", d.commit(20, 40, "k"), "error of a commit by the transaction that has the lock")
		require.NotEmpty(t, d.prewrite(30, "k", "k"), "errors of a prewrite that comes after the rollback, and after another has committed")

		// What is committed stays, also for a client that has seen no answer.
		d = empty(t)
		require.Empty(t, d.prewrite(30, "k", "k"), "errors of a prewrite in an empty store")
		require.Equal(t, "none", d.commit(30, 40, "k"), "error of a commit of a key that is locked")
		committed := d.content()
		require.Equal(t, "abort", d.rollback(30, "k"), "error of a rollback after the commit")
		require.Equal(t, "none", d.commit(30, 40, "k"), "error of a commit that is sent again")
		require.Equal(t, committed, d.content(), "what is stored after the rollback of a committed key")
	})
}
