package transaction_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

const onCommit = "the comment on Commit (kv/transaction/commit.go)"

// A commit of one key against every state that the key can be in. The transaction has
// started at 50 and commits at 60.
func TestCommit4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a commit replaces the transaction's own lock by a record, and otherwise depends on the record that there is",
		Source: onCommit,
	}, func(t *graded.T) {
		const (
			nothing = "nothing" // it succeeds, and nothing is written
			commits = "commits" // it succeeds, and commits the key
		)
		for _, c := range []struct {
			state string
			make  func(d *data)
			want  string
			after []string // what is stored then, if it commits
		}{
			{"locked for a value", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 50, 7, "v") }, commits,
				[]string{"record k @ 60: Put by 50", `value k of 50: "v"`}},
			{"locked for an empty value", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 50, 7, "") }, commits,
				[]string{"record k @ 60: Put by 50", `value k of 50: ""`}},
			{"locked for a deletion", func(d *data) { d.put("k", 10, 20, "x").locked("k", "p", kvrpcpb.Op_Del, 50, 7, "") }, commits,
				[]string{"record k @ 60: Del by 50", "record k @ 20: Put by 10", `value k of 10: "x"`}},
			{"locked for nothing", func(d *data) { d.put("k", 10, 20, "x").locked("k", "p", kvrpcpb.Op_Lock, 50, 7, "") }, commits,
				[]string{"record k @ 60: Lock by 50", "record k @ 20: Put by 10", `value k of 10: "x"`}},
			{"locked, and rolled back by others before and after", func(d *data) { d.rolledBack("k", 40).locked("k", "p", kvrpcpb.Op_Put, 50, 7, "v").rolledBack("k", 70) }, commits,
				[]string{"record k @ 70: Rollback by 70", "record k @ 60: Put by 50", "record k @ 40: Rollback by 40", `value k of 50: "v"`}},
			{"locked, although the transaction is over its time", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 50, 0, "v") }, commits,
				[]string{"record k @ 60: Put by 50", `value k of 50: "v"`}},

			{"absent", func(d *data) {}, "retryable", nil},
			{"committed by others only", func(d *data) { d.put("k", 10, 20, "x").put("k", 55, 70, "y") }, "retryable", nil},
			{"rolled back by others only", func(d *data) { d.rolledBack("k", 40).rolledBack("k", 55).rolledBack("k", 70) }, "retryable", nil},
			{"locked by an older transaction", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 40, 7, "x") }, "retryable", nil},
			{"locked by a newer transaction", func(d *data) { d.locked("k", "p", kvrpcpb.Op_Put, 55, 7, "x") }, "retryable", nil},
			{"its neighbours are locked by the transaction", func(d *data) {
				d.locked("j", "p", kvrpcpb.Op_Put, 50, 7, "v").locked("k\x00", "p", kvrpcpb.Op_Put, 50, 7, "v").put("kk", 50, 60, "v")
			}, "retryable", nil},

			{"rolled back", func(d *data) { d.rolledBack("k", 50) }, "abort", nil},
			{"rolled back, and then committed by another one", func(d *data) { d.rolledBack("k", 50).put("k", 55, 58, "x") }, "abort", nil},
			{"rolled back, and then locked by another one", func(d *data) { d.rolledBack("k", 50).locked("k", "q", kvrpcpb.Op_Put, 55, 7, "x") }, "abort", nil},

			{"committed", func(d *data) { d.put("k", 50, 60, "v") }, nothing, nil},
			{"committed for a deletion", func(d *data) { d.committed("k", kvrpcpb.Op_Del, 50, 60, "") }, nothing, nil},
			{"committed for nothing", func(d *data) { d.committed("k", kvrpcpb.Op_Lock, 50, 60, "") }, nothing, nil},
			{"committed, and then locked by another one", func(d *data) { d.put("k", 50, 60, "v").locked("k", "q", kvrpcpb.Op_Put, 65, 7, "x") }, nothing, nil},
			{"committed, and then by others", func(d *data) {
				d.put("k", 50, 60, "v").put("k", 65, 70, "x").rolledBack("k", 75).committed("k", kvrpcpb.Op_Del, 80, 90, "")
			}, nothing, nil},
			{"committed after a rollback of another one that started later", func(d *data) { d.rolledBack("k", 55).put("k", 50, 60, "v").rolledBack("k", 58) }, nothing, nil},
		} {
			d := empty(t)
			c.make(d)
			before := d.content()
			resp, ops, err := transaction.Commit(d.reader(), commit(50, 60, "k"))
			require.NoError(t, err, "Commit of a key that is %s", c.state)
			require.Nil(t, resp.RegionError, "region error of Commit of a key that is %s", c.state)
			d.apply(ops)
			got := nothing
			switch {
			case resp.Error != nil:
				got = told(resp.Error)
			case len(ops) > 0:
				got = commits
			}
			require.Equal(t, c.want, got, "Commit of a key that is %s", c.state)
			if c.want == commits {
				require.Equal(t, c.after, d.content(), "what is stored after Commit of a key that is %s", c.state)
				continue
			}
			require.Empty(t, ops, "the writes of Commit of a key that is %s", c.state)
			require.Equal(t, before, d.content(), "what is stored after Commit of a key that is %s", c.state)
		}
	})
}

// One key that cannot be committed keeps all others as they are, wherever it stands.
func TestCommitIsAllOrNothing4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a commit commits all keys of its request or none",
		Source: onCommit,
	}, func(t *graded.T) {
		d := empty(t).
			locked("a", "p", kvrpcpb.Op_Put, 50, 7, "v").
			locked("b", "p", kvrpcpb.Op_Del, 50, 7, "").
			put("done", 50, 60, "v").
			rolledBack("gone", 50).
			locked("other", "q", kvrpcpb.Op_Put, 55, 7, "x")
		before := d.content()
		for _, c := range []struct {
			keys []string
			want string
		}{
			{[]string{"a", "absent"}, "retryable"},
			{[]string{"absent", "a"}, "retryable"},
			{[]string{"a", "other", "b"}, "retryable"},
			{[]string{"a", "gone"}, "abort"},
			{[]string{"gone", "a"}, "abort"},
			{[]string{"done", "a", "b", "gone"}, "abort"},
		} {
			resp, ops, err := transaction.Commit(d.reader(), commit(50, 60, c.keys...))
			require.NoError(t, err, "Commit of %q", c.keys)
			require.NotNil(t, resp.Error, "Commit of %q has no error, and one of the keys cannot be committed", c.keys)
			require.Equal(t, c.want, told(resp.Error), "the error of Commit of %q", c.keys)
			require.Empty(t, ops, "the writes of Commit of %q", c.keys)
			require.Equal(t, before, d.content(), "what is stored after Commit of %q", c.keys)
		}

		resp, ops, err := transaction.Commit(d.reader(), commit(50, 60, "b", "done", "a"))
		require.NoError(t, err, "Commit of two keys and one that is committed")
		require.Nil(t, resp.Error, "the error of Commit of two keys and one that is committed")
		d.apply(ops)
		require.Equal(t, []string{
			"lock other: Put by 55, primary q, ttl 7",
			"record a @ 60: Put by 50",
			"record b @ 60: Del by 50",
			"record done @ 60: Put by 50",
			"record gone @ 50: Rollback by 50",
			`value a of 50: "v"`,
			`value done of 50: "v"`,
			`value other of 55: "x"`,
		}, d.content(), "what is stored after Commit of two keys and one that is committed")
	})
}

// A commit that comes again finds the first one, also with another timestamp: the
// transaction has committed once.
func TestCommitsAreRepeated4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a commit that comes again succeeds and changes nothing, however late",
		Source: onCommit,
	}, func(t *graded.T) {
		d := empty(t).locked("k", "p", kvrpcpb.Op_Put, 50, 7, "v")
		_, ops, err := transaction.Commit(d.reader(), commit(50, 60, "k"))
		require.NoError(t, err, "Commit")
		d.apply(ops)
		again := func(when string) {
			t.Helper()
			before := d.content()
			for _, ts := range []int{60, 55, 75} {
				resp, ops, err := transaction.Commit(d.reader(), commit(50, ts, "k"))
				require.NoError(t, err, "Commit at %d again, %s", ts, when)
				require.Nil(t, resp.Error, "error of Commit at %d again, %s", ts, when)
				require.Empty(t, ops, "the writes of Commit at %d again, %s", ts, when)
				require.Equal(t, before, d.content(), "what is stored after Commit at %d again, %s", ts, when)
			}
		}
		again("at once")
		d.locked("k", "q", kvrpcpb.Op_Del, 70, 5, "")
		again("while another transaction has the lock")
		_, ops, err = transaction.Commit(d.reader(), commit(70, 80, "k"))
		require.NoError(t, err, "Commit of the other transaction")
		d.apply(ops)
		again("after another transaction has deleted the key")
		for i := range 300 {
			d.rolledBack("k", 100+i)
		}
		again("after 300 rollbacks")
	})
}
