package transaction_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Six transactions on five keys, whose requests come in any order, late, and twice; and
// other clients that finish them in their stead. What always holds is looked at after each
// request, and each scan is compared with what is stored.
func TestRandomRequests4C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "in whatever order requests come, and however often, what the package comment says always holds, and every transaction is committed or rolled back as a whole",
		Source: contract,
	}, 50, func(t *graded.T, seed uint64) uint64 {
		r := &randomRun{data: empty(t), rand: rand.New(rand.NewPCG(seed, 4)), clock: 1000}
		for range 400 {
			if len(r.live) < 6 {
				r.begin()
			}
			r.request(r.live[r.rand.IntN(len(r.live))])
			r.always()
			if r.rand.IntN(4) == 0 {
				r.scanSomewhere()
			}
			if r.rand.IntN(20) == 0 { // its client dies
				i := r.rand.IntN(len(r.live))
				r.dead = append(r.dead, r.live[i])
				r.live = slices.Delete(r.live, i, i+1)
			}
		}
		for _, txn := range append(r.dead, r.live...) {
			r.finish(txn)
		}
		for _, line := range r.content() {
			require.NotContains(t, line, "lock ", "what is stored after all transactions are finished")
		}
		digest := fnv.New64a()
		fmt.Fprint(digest, r.content())
		return digest.Sum64()
	})
}

type randomRun struct {
	*data
	rand       *rand.Rand
	clock      int // the last timestamp, in milliseconds
	live, dead []*randomTxn
}

// A randomTxn is a transaction, as its client knows it.
type randomTxn struct {
	start, commit int // commit is 0 until its client has a timestamp
	keys          []string
	kinds         []kvrpcpb.Op
	locked        []bool // the keys whose prewrite has succeeded once
	over          bool   // its client has been told that it cannot commit, or has rolled it back
	committed     bool   // someone was told so
}

func (r *randomRun) now() int {
	r.clock++
	return r.clock
}

func (r *randomRun) begin() {
	txn := &randomTxn{start: r.now()}
	for _, i := range r.rand.Perm(5)[:1+r.rand.IntN(3)] {
		txn.keys = append(txn.keys, string(rune('a'+i)))
		txn.kinds = append(txn.kinds, []kvrpcpb.Op{kvrpcpb.Op_Put, kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock}[r.rand.IntN(4)])
	}
	txn.locked = make([]bool, len(txn.keys))
	r.live = append(r.live, txn)
}

// request sends one request that a client of txn, or one that has met its locks, may send
// now. The first key is the primary.
func (r *randomRun) request(txn *randomTxn) {
	r.t.Helper()
	key := r.rand.IntN(len(txn.keys))
	switch n := r.rand.IntN(20); {
	case n < 9:
		r.prewriteOne(txn, key)
	case n < 15:
		if txn.over || slices.Contains(txn.locked, false) {
			return
		}
		if txn.commit == 0 {
			txn.commit = r.now()
		}
		if !txn.committed {
			key = 0
		}
		err := r.commit(txn.start, txn.commit, txn.keys[key])
		switch {
		case err == "none":
			txn.committed = true
		case txn.committed:
			require.Equal(r.t, "none", err, "error of a commit of key %s by the transaction of %d, whose primary key is committed", txn.keys[key], txn.start)
		default:
			txn.over = true
		}
	case n < 16:
		if txn.committed {
			require.Equal(r.t, "abort", r.rollback(txn.start, txn.keys[0]), "error of a rollback of the primary key of the transaction of %d, which is committed", txn.start)
		} else if txn.commit == 0 { // before it asks for a commit timestamp a client may give up
			txn.over = true
			require.Equal(r.t, "none", r.rollback(txn.start, txn.keys...), "error of a rollback of the transaction of %d, which is not committed", txn.start)
		}
	default:
		// Another client has met a lock. Half of the time, the lock has expired.
		r.help(txn, r.clock+100*r.rand.IntN(2))
	}
}

func (r *randomRun) prewriteOne(txn *randomTxn, key int) {
	r.t.Helper()
	resp, ops, err := transaction.Prewrite(r.reader(), &kvrpcpb.PrewriteRequest{
		PrimaryLock: []byte(txn.keys[0]), StartVersion: at(txn.start), LockTtl: 100,
		Mutations: []*kvrpcpb.Mutation{{Op: txn.kinds[key], Key: []byte(txn.keys[key]), Value: fmt.Append(nil, txn.start)}},
	})
	require.NoError(r.t, err, "Prewrite of key %s by the transaction of %d", txn.keys[key], txn.start)
	r.apply(ops)
	if len(resp.Errors) == 0 {
		txn.locked[key] = true
	} else if !txn.locked[key] && keyErrorWords(resp.Errors[0]) != "locked" {
		txn.over = true
	}
}

// help asks what became of txn and, if it is over, finishes a key.
func (r *randomRun) help(txn *randomTxn, now int) {
	r.t.Helper()
	resp, ops, err := transaction.CheckTxnStatus(r.reader(), &kvrpcpb.CheckTxnStatusRequest{PrimaryKey: []byte(txn.keys[0]), LockTs: at(txn.start), CurrentTs: at(now)})
	require.NoError(r.t, err, "CheckTxnStatus of the transaction of %d", txn.start)
	require.Nil(r.t, resp.Error, "error of CheckTxnStatus of the transaction of %d, asked about its primary key", txn.start)
	r.apply(ops)
	if resp.LockTtl > 0 {
		require.False(r.t, txn.committed, "the transaction of %d is committed, and CheckTxnStatus calls it alive", txn.start)
		return
	}
	if txn.committed {
		require.Equal(r.t, at(txn.commit), resp.CommitVersion, "the commit timestamp that CheckTxnStatus tells of the transaction of %d, which is committed", txn.start)
	} else {
		require.Zero(r.t, resp.CommitVersion, "the commit timestamp that CheckTxnStatus tells of the transaction of %d, whose primary key is not committed", txn.start)
		txn.over = true
	}
	commit := 0
	if txn.committed {
		commit = txn.commit
	}
	r.resolve(txn.start, commit, locksOf(r.t, r.reader(), txn.start, 1+r.rand.IntN(3))...)
}

// finish does what a client does that has met a lock, long after all times to live.
func (r *randomRun) finish(txn *randomTxn) {
	r.t.Helper()
	for {
		r.help(txn, r.clock+1000)
		r.always()
		if len(locksOf(r.t, r.reader(), txn.start, 1)) == 0 {
			break
		}
	}
	for i, key := range txn.keys {
		record, err := r.reader().RecordOf([]byte(key), at(txn.start))
		require.NoError(r.t, err, "the record of the transaction of %d at key %s", txn.start, key)
		if txn.committed {
			require.NotNil(r.t, record, "the record of the transaction of %d, which is committed, at key %s", txn.start, key)
			require.Equal(r.t, txn.kinds[i], record.Kind, "the kind of the record of the transaction of %d, which is committed, at key %s", txn.start, key)
			require.Equal(r.t, at(txn.commit), record.CommitTS, "the commit timestamp of the transaction of %d at key %s", txn.start, key)
		} else if record != nil {
			require.Equal(r.t, kvrpcpb.Op_Rollback, record.Kind, "the kind of the record of the transaction of %d, which is rolled back, at key %s", txn.start, key)
		}
	}
}

// A keyState is what is stored of one key.
type keyState struct {
	lock    *transaction.Lock
	records []*transaction.Record // the newest first
	values  map[uint64]string
}

// states reads all that is stored, without the functions that students write. It runs after
// every request; so it and always call require, which looks at the stack, only if something
// is wrong.
func (r *randomRun) states() map[string]*keyState {
	r.t.Helper()
	all := map[string]*keyState{}
	of := func(key []byte) *keyState {
		if all[string(key)] == nil {
			all[string(key)] = &keyState{values: map[uint64]string{}}
		}
		return all[string(key)]
	}
	r.each(engine.CFLock, func(k, v []byte) {
		key, _, err := transaction.DecodeKey(k)
		if err != nil {
			require.NoError(r.t, err, "a key of the lock family")
		}
		if of(key).lock, err = transaction.DecodeLock(v); err != nil {
			require.NoError(r.t, err, "the lock of %s", key)
		}
	})
	r.each(engine.CFWrite, func(k, v []byte) {
		key, ts, err := transaction.DecodeVersion(k)
		if err != nil {
			require.NoError(r.t, err, "a key of the write family")
		}
		record, err := transaction.DecodeRecord(v, ts)
		if err != nil {
			require.NoError(r.t, err, "a record of %s", key)
		}
		of(key).records = append(of(key).records, record)
	})
	r.each(engine.CFDefault, func(k, v []byte) {
		key, ts, err := transaction.DecodeVersion(k)
		if err != nil {
			require.NoError(r.t, err, "a key of the default family")
		}
		of(key).values[ts] = string(v)
	})
	return all
}

// always demands what the package comment says always holds.
func (r *randomRun) always() {
	r.t.Helper()
	for key, s := range r.states() {
		owners := map[uint64]bool{}
		needed := map[uint64]bool{}
		var newer uint64 // the start of the committed record above
		for _, record := range s.records {
			if owners[record.StartTS] {
				r.t.Fatalf("the transaction of %s has two records at key %s", ms(record.StartTS), key)
			}
			owners[record.StartTS] = true
			if record.Kind == kvrpcpb.Op_Rollback {
				continue
			}
			if newer != 0 && newer <= record.CommitTS {
				r.t.Fatalf("the transaction of %s has committed key %s at %s, after the transaction of %s had started that has committed it, too", ms(record.StartTS), key, ms(record.CommitTS), ms(newer))
			}
			newer = record.StartTS
			needed[record.StartTS] = record.Kind == kvrpcpb.Op_Put
		}
		if s.lock != nil {
			if owners[s.lock.StartTS] {
				r.t.Fatalf("key %s is locked by the transaction of %s, which has a record there", key, ms(s.lock.StartTS))
			}
			needed[s.lock.StartTS] = s.lock.Kind == kvrpcpb.Op_Put
		}
		for ts, put := range needed {
			if _, stored := s.values[ts]; put && !stored {
				r.t.Fatalf("key %s has no value of the transaction of %s, which has locked or committed it", key, ms(ts))
			}
		}
		for ts := range s.values {
			if !needed[ts] {
				r.t.Fatalf("key %s has a value of the transaction of %s, which has neither a lock there nor a commit", key, ms(ts))
			}
		}
	}
}

// scanSomewhere compares a scan with what is stored, unless there is a lock that a reader
// may wait for or not.
func (r *randomRun) scanSomewhere() {
	r.t.Helper()
	start := string(rune('a' + r.rand.IntN(6)))
	limit, version := r.rand.IntN(7), r.clock-r.rand.IntN(60)
	want := []string{}
	states := r.states()
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		s := states[key]
		if s == nil || key < start {
			continue
		}
		if s.lock != nil && s.lock.StartTS <= at(version) {
			if s.lock.StartTS == at(version) || s.lock.Kind == kvrpcpb.Op_Lock {
				return // it may be in the way or not
			}
			want = append(want, key+": locked")
			continue
		}
		for _, record := range s.records {
			if record.CommitTS > at(version) || record.Kind == kvrpcpb.Op_Rollback || record.Kind == kvrpcpb.Op_Lock {
				continue
			}
			if record.Kind == kvrpcpb.Op_Put {
				want = append(want, key+"="+s.values[record.StartTS])
			}
			break
		}
	}
	require.Equal(r.t, want[:min(limit, len(want))], r.scan(start, uint32(limit), version), "Scan from %q with limit %d at %d", start, limit, version)
}
