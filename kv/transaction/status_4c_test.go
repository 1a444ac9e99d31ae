package transaction_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

const onStatus = "the comment on CheckTxnStatus"

// check asks what became of the transaction of start whose primary key is p, at a time,
// and carries out what the command wants to write. It returns the answer in words, and
// how much was written.
func (d *data) check(start, now uint64) (answer string, writes int) {
	d.t.Helper()
	resp, ops, err := transaction.CheckTxnStatus(d.reader(), &kvrpcpb.CheckTxnStatusRequest{PrimaryKey: []byte("p"), LockTs: start, CurrentTs: now})
	require.NoError(d.t, err, "CheckTxnStatus of the transaction of %s", ms(start))
	d.apply(ops)
	return statusWords(resp), len(ops)
}

// statusWords says what resp says of a transaction.
func statusWords(resp *kvrpcpb.CheckTxnStatusResponse) string {
	switch {
	case resp.Error != nil:
		return "error " + keyErrorWords(resp.Error)
	case resp.LockTtl != 0 && resp.CommitVersion != 0:
		return fmt.Sprintf("alive, and committed at %s", ms(resp.CommitVersion))
	case resp.LockTtl != 0:
		return fmt.Sprintf("alive for %d ms, action %v", resp.LockTtl, resp.Action)
	case resp.CommitVersion != 0:
		return fmt.Sprintf("committed at %s, action %v", ms(resp.CommitVersion), resp.Action)
	}
	return fmt.Sprintf("rolled back, action %v", resp.Action)
}

// keyErrorWords names the field of e that is set.
func keyErrorWords(e *kvrpcpb.KeyError) string {
	switch {
	case e == nil:
		return "none"
	case e.Locked != nil:
		return "locked"
	case e.Conflict != nil:
		return "conflict"
	case e.Abort != "":
		return "abort"
	case e.Retryable != "":
		return "retryable"
	}
	return "without a reason"
}

// The transaction in question has started at 30, with the primary key p. It is asked
// about at 50.
func TestTxnStatus4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "CheckTxnStatus says what lock and record of the primary key say, and rolls back a transaction that has neither or whose time is over",
		Source: onStatus,
	}, func(t *graded.T) {
		const (
			put, del, lock = kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock

			alive    = "alive for 100 ms, action NoAction"
			expired  = "rolled back, action TTLExpireRollback"
			noLock   = "rolled back, action LockNotExistRollback"
			done     = "rolled back, action NoAction"
			at40     = "committed at 40, action NoAction"
			rollback = "record p @ 30: Rollback by 30"
		)
		for _, c := range []struct {
			state  string
			build  func(d *data)
			answer string
			// content is what is stored afterwards; nil if nothing may change.
			content []string
		}{
			{"nothing", func(*data) {}, noLock, []string{rollback}},
			{"older and newer versions of others", func(d *data) { d.put("p", 10, 20, "x").put("p", 35, 45, "y") }, noLock,
				[]string{"record p @ 45: Put by 35", rollback, "record p @ 20: Put by 10", `value p of 35: "y"`, `value p of 10: "x"`}},
			{"a version of another, which began before and ended after", func(d *data) { d.put("p", 20, 40, "x") }, noLock,
				[]string{"record p @ 40: Put by 20", rollback, `value p of 20: "x"`}},
			{"rollbacks of others", func(d *data) { d.rolledBack("p", 29).rolledBack("p", 31) }, noLock,
				[]string{"record p @ 31: Rollback by 31", rollback, "record p @ 29: Rollback by 29"}},
			{"a lock of an older transaction", func(d *data) { d.locked("p", "p", put, 20, 1, "x") }, noLock,
				[]string{"lock p: Put by 20, primary p, ttl 1", rollback, `value p of 20: "x"`}},
			{"a lock of a newer transaction", func(d *data) { d.locked("p", "p", put, 40, 1, "x") }, noLock,
				[]string{"lock p: Put by 40, primary p, ttl 1", rollback, `value p of 40: "x"`}},
			{"another key of the transaction is locked", func(d *data) { d.locked("q", "p", put, 30, 100, "x") }, noLock,
				[]string{"lock q: Put by 30, primary p, ttl 100", rollback, `value q of 30: "x"`}},

			{"its lock, alive", func(d *data) { d.locked("p", "p", put, 30, 100, "x") }, alive, nil},
			{"its lock, alive, on older versions", func(d *data) { d.put("p", 10, 20, "x").rolledBack("p", 25).locked("p", "p", del, 30, 100, "") }, alive, nil},
			{"its lock, expired", func(d *data) { d.locked("p", "p", put, 30, 20, "x") }, expired, []string{rollback}},
			{"its lock for a deletion, expired", func(d *data) { d.put("p", 10, 20, "x").locked("p", "p", del, 30, 20, "") }, expired,
				[]string{rollback, "record p @ 20: Put by 10", `value p of 10: "x"`}},
			{"its lock without a write, expired", func(d *data) { d.locked("p", "p", lock, 30, 20, "") }, expired, []string{rollback}},
			{"its lock, expired, and locks on other keys", func(d *data) { d.locked("o", "p", put, 30, 20, "x").locked("p", "p", put, 30, 20, "y") }, expired,
				[]string{"lock o: Put by 30, primary p, ttl 20", rollback, `value o of 30: "x"`}},

			{"committed", func(d *data) { d.put("p", 30, 40, "x") }, at40, nil},
			{"committed, as a deletion", func(d *data) { d.committed("p", del, 30, 40, "") }, at40, nil},
			{"committed, without a write", func(d *data) { d.committed("p", lock, 30, 40, "") }, at40, nil},
			{"committed, below versions of others", func(d *data) { d.put("p", 10, 20, "x").put("p", 30, 40, "y").put("p", 42, 44, "z").rolledBack("p", 48) }, at40, nil},
			{"committed, above the rollback of a later transaction", func(d *data) { d.put("p", 30, 40, "x").rolledBack("p", 35) }, at40, nil},
			{"committed, then locked by another", func(d *data) { d.put("p", 30, 40, "x").locked("p", "q", put, 45, 1, "y") }, at40, nil},
			{"committed long after the time that it is asked about", func(d *data) { d.put("p", 30, 40_000, "x") }, "committed at 40000, action NoAction", nil},

			{"rolled back", func(d *data) { d.rolledBack("p", 30) }, done, nil},
			{"rolled back, among versions of others", func(d *data) { d.put("p", 10, 20, "x").rolledBack("p", 30).put("p", 31, 40, "y") }, done, nil},
			{"rolled back, then locked by another", func(d *data) { d.rolledBack("p", 30).locked("p", "p", put, 40, 1, "y") }, done, nil},
		} {
			d := empty(t)
			c.build(d)
			before := d.content()
			answer, writes := d.check(at(30), at(50))
			require.Equal(t, c.answer, answer, "answer for the state %q", c.state)
			if c.content == nil {
				require.Equal(t, before, d.content(), "what is stored after the state %q, which needs no change", c.state)
				require.Zero(t, writes, "writes in the state %q, which needs no change", c.state)
				continue
			}
			require.Equal(t, c.content, d.content(), "what is stored after the state %q", c.state)

			after, first := d.content(), answer
			answer, writes = d.check(at(30), at(50))
			require.Equal(t, done, answer, "answer to a second question in the state %q; the first answer was %q", c.state, first)
			require.Zero(t, writes, "writes after a second question in the state %q", c.state)
			require.Equal(t, after, d.content(), "what is stored after a second question in the state %q", c.state)
		}
	})
}

// A lock lives from the millisecond of its start timestamp for as many milliseconds as
// its time to live says.
func TestLockExpires4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a lock expires when its time to live is over, to the millisecond; only the physical parts of timestamps count",
		Source: "the comment on Lock.Expired",
	}, func(t *graded.T) {
		const last = 1<<transaction.LogicalBits - 1
		type moment struct{ physical, logical int64 }
		const year = 365 * 24 * 3600 * 1000
		for _, c := range []struct {
			start   moment
			ttl     uint64
			now     moment
			expired bool
		}{
			{moment{30, 0}, 5, moment{30, 0}, false},
			{moment{30, 0}, 5, moment{34, 0}, false},
			{moment{30, 0}, 5, moment{35, 0}, true},
			{moment{30, 0}, 5, moment{36, 0}, true},
			{moment{30, 0}, 5, moment{1000, 0}, true},
			// Logical parts.
			{moment{30, 0}, 5, moment{34, last}, false},
			{moment{30, last}, 5, moment{34, last}, false},
			{moment{30, last}, 5, moment{35, 0}, true},
			{moment{30, 7}, 1, moment{30, 8}, false},
			{moment{30, 7}, 1, moment{31, 0}, true},
			// No time to live at all.
			{moment{30, 0}, 0, moment{30, 0}, true},
			{moment{30, 7}, 0, moment{30, 0}, true},
			{moment{30, 0}, 0, moment{29, 0}, true},
			{moment{30, 0}, 0, moment{0, 0}, true},
			// A client whose clock is slow, or that has asked for a timestamp long ago.
			{moment{30, 0}, 5, moment{29, 0}, false},
			{moment{30, 0}, 5, moment{0, 0}, false},
			{moment{1000, 0}, 1, moment{500, last}, false},
			// Real times, and times to live that never end.
			{moment{50 * year, 3}, 3000, moment{50*year + 2999, 9}, false},
			{moment{50 * year, 3}, 3000, moment{50*year + 3000, 0}, true},
			{moment{40 * year, 0}, 1 << 45, moment{50 * year, 0}, false},
			{moment{40 * year, 0}, ^uint64(0), moment{50 * year, 0}, false},
		} {
			start, now := transaction.Timestamp(c.start.physical, c.start.logical), transaction.Timestamp(c.now.physical, c.now.logical)
			name := fmt.Sprintf("a lock of %s with the time to live %d, at %s", ms(start), c.ttl, ms(now))
			lock := transaction.Lock{Primary: []byte("p"), StartTS: start, TTL: c.ttl, Kind: kvrpcpb.Op_Put}
			require.Equal(t, c.expired, lock.Expired(now), "Expired for %s", name)

			d := empty(t).lockedAs("p", lock, "x")
			want := fmt.Sprintf("alive for %d ms, action NoAction", c.ttl)
			if c.expired {
				want = "rolled back, action TTLExpireRollback"
			}
			answer, _ := d.check(start, now)
			require.Equal(t, want, answer, "answer of CheckTxnStatus for %s", name)
			if c.expired {
				require.Equal(t, []string{fmt.Sprintf("record p @ %s: Rollback by %[1]s", ms(start))}, d.content(), "what is stored after %s", name)
			}
		}
	})
}

// A client that confuses keys, or a lock that was damaged in a client's memory, leads to
// a question about a key that decides nothing.
func TestOnlyThePrimaryDecides4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "CheckTxnStatus for a key whose lock names another primary key is the error abort, and changes nothing",
		Source: onStatus,
	}, func(t *graded.T) {
		for _, primary := range []string{"q", "pp", "a", "p\x00"} {
			for _, now := range []int{0, 30, 34, 35, 1000} {
				for _, kind := range []kvrpcpb.Op{kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock} {
					d := empty(t).put("p", 10, 20, "old").locked("p", primary, kind, 30, 5, "new")
					before := d.content()
					answer, writes := d.check(at(30), at(now))
					require.Equal(t, "error abort", answer, "answer for key p at %d, whose lock (%v, expires at 35) has the primary key %q", now, kind, primary)
					require.Zero(t, writes, "writes for key p, whose lock has the primary key %q", primary)
					require.Equal(t, before, d.content(), "what is stored after a question about a key that is not the primary key")
				}
			}
		}
	})
}

// What a client was told of a transaction stays true, whatever its own client still
// sends.
func TestStatusIsFinal4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a transaction that CheckTxnStatus calls rolled back can no longer lock or commit its primary key, and one that it calls committed stays so",
		Source: contract,
	}, func(t *graded.T) {
		// Nothing is there, since the prewrite is still on its way.
		d := empty(t)
		answer, _ := d.check(at(30), at(31))
		require.Equal(t, "rolled back, action LockNotExistRollback", answer, "answer before the prewrite has come")
		stays := []string{"record p @ 30: Rollback by 30"}
		require.Equal(t, []string{"abort"}, d.prewrite(30, "p", "p"), "errors of a prewrite that comes after CheckTxnStatus has said LockNotExistRollback")
		require.Equal(t, "abort", d.commit(30, 40, "p"), "error of a commit after CheckTxnStatus has said LockNotExistRollback")
		require.Equal(t, stays, d.content(), "what is stored after a prewrite and a commit that came late")
		require.Equal(t, "none", d.rollback(30, "p"), "error of a rollback after CheckTxnStatus has said LockNotExistRollback")
		require.Equal(t, stays, d.content(), "what is stored after a rollback that came late")

		// The lock expires, and its client comes back.
		d = empty(t)
		require.Empty(t, d.prewrite(30, "p", "p"), "errors of a prewrite in an empty store")
		answer, _ = d.check(at(30), at(40))
		require.Equal(t, "alive for 100 ms, action NoAction", answer, "answer while the transaction is alive")
		answer, _ = d.check(at(30), at(130))
		require.Equal(t, "rolled back, action TTLExpireRollback", answer, "answer when its time is over")
		require.Equal(t, "abort", d.commit(30, 131, "p"), "error of a commit after CheckTxnStatus has said TTLExpireRollback")
		require.Equal(t, []string{"abort"}, d.prewrite(30, "p", "p"), "errors of a prewrite that is sent again after CheckTxnStatus has said TTLExpireRollback")
		require.Equal(t, stays, d.content(), "what is stored after the client of a transaction that was rolled back came back")

		// The record of a rollback is no version: others go on as if nothing had been.
		require.Empty(t, d.prewrite(31, "p", "p"), "errors of a prewrite by a later transaction")
		require.Equal(t, "none", d.commit(31, 140, "p"), "error of a commit by a later transaction")
		answer, _ = d.check(at(30), at(200))
		require.Equal(t, "rolled back, action NoAction", answer, "answer after another transaction has committed the key")

		// A transaction that has committed in time is not expired later.
		answer, _ = d.check(at(31), at(10_000))
		require.Equal(t, "committed at 140, action NoAction", answer, "answer for a committed transaction, long after its time to live")
		require.Equal(t, "abort", d.rollback(31, "p"), "error of a rollback after CheckTxnStatus has told the commit timestamp")
	})
}
