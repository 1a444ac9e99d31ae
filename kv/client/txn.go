package client

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/tidwall/btree"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// MaxTxnSize is the largest sum of all keys and values that a transaction writes or
// locks, in bytes. They are in memory until the commit; and the larger a transaction
// is, the longer it locks its keys.
const MaxTxnSize = 64 << 20

// A Txn is a transaction. It reads the snapshot of its start and what it has written
// itself, and keeps its writes to itself until Commit. It must be used by one goroutine
// at a time, and ends with Commit or Rollback. One that is dropped instead leaves
// nothing behind.
//
// Reads do not lock. A transaction that has read a key and depends on its value, but
// does not write it, calls Lock.
type Txn struct {
	snapshot Snapshot
	begun    time.Time // not after the start timestamp was handed out
	writes   btree.Map[string, *kvrpcpb.Mutation]
	size     int // of the keys and values in writes
	done     bool
	commitTS uint64
}

// StartTS returns the timestamp of the snapshot that the transaction reads.
func (t *Txn) StartTS() uint64 { return t.snapshot.ts }

// CommitTS returns the timestamp at which the writes of the transaction are visible: a
// Snapshot at it has them. It is 0 until Commit has succeeded, and if there was nothing
// to write.
func (t *Txn) CommitTS() uint64 { return t.commitTS }

// Get returns the value of key. An absent key is not an error: found is false. The
// error can be ErrTxnDone, or any error of Snapshot.Get.
func (t *Txn) Get(ctx context.Context, key []byte) (value []byte, found bool, err error) {
	if t.done {
		return nil, false, ErrTxnDone
	}
	if m := t.written(key); m != nil {
		return bytes.Clone(m.Value), m.Op == kvrpcpb.Op_Put, nil
	}
	return t.snapshot.Get(ctx, key)
}

// BatchGet returns the values of those keys that are there, by key. The error can be
// any error of Get.
func (t *Txn) BatchGet(ctx context.Context, keys [][]byte) (map[string][]byte, error) {
	if t.done {
		return nil, ErrTxnDone
	}
	var stored [][]byte
	for _, key := range keys {
		if t.written(key) == nil {
			stored = append(stored, key)
		}
	}
	values, err := t.snapshot.BatchGet(ctx, stored)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if m := t.written(key); m != nil && m.Op == kvrpcpb.Op_Put {
			values[string(key)] = bytes.Clone(m.Value)
		}
	}
	return values, nil
}

// Scan is Snapshot.Scan with what the transaction has written itself. The loop may write:
// it sees what it writes to keys that it has not come to yet.
func (t *Txn) Scan(ctx context.Context, start, end []byte) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		if t.done {
			yield(Pair{}, ErrTxnDone)
			return
		}
		next := start
		// own yields what the transaction has put from next on, up to a key.
		own := func(until []byte) bool {
			for {
				m := t.firstPut(next, until)
				if m == nil {
					return true
				}
				next = after(m.Key)
				if !yield(Pair{bytes.Clone(m.Key), bytes.Clone(m.Value)}, nil) {
					return false
				}
			}
		}
		for pair, err := range t.snapshot.Scan(ctx, start, end) {
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if !own(pair.Key) {
				return
			}
			next = after(pair.Key)
			if m := t.written(pair.Key); m != nil {
				if m.Op == kvrpcpb.Op_Del {
					continue
				}
				pair.Value = bytes.Clone(m.Value)
			}
			if !yield(pair, nil) {
				return
			}
		}
		own(end)
	}
}

// Put sets key to value. The transaction keeps copies. The error is ErrTxnDone,
// engine.ErrEmptyKey, or an *engine.TooLargeError: for a key above
// transaction.MaxKeySize, a value above engine.MaxValueSize, or a transaction above
// MaxTxnSize. Then nothing has changed.
func (t *Txn) Put(key, value []byte) error { return t.write(kvrpcpb.Op_Put, key, value) }

// Delete removes key, whether or not it is there. It fails as Put does.
func (t *Txn) Delete(key []byte) error { return t.write(kvrpcpb.Op_Del, key, nil) }

// Lock makes Commit fail with a *ConflictError if another transaction has changed key
// since this one began, as if this one wrote it: snapshot isolation alone lets two
// transactions each change what the other one has read. Nothing is locked before
// Commit. It fails as Put does.
func (t *Txn) Lock(key []byte) error {
	if t.written(key) != nil && !t.done {
		return nil // what is written is locked
	}
	return t.write(kvrpcpb.Op_Lock, key, nil)
}

func (t *Txn) write(op kvrpcpb.Op, key, value []byte) error {
	if t.done {
		return ErrTxnDone
	}
	if err := checkKey(key); err != nil {
		return err
	}
	if len(value) > engine.MaxValueSize {
		return &engine.TooLargeError{What: "value", Size: len(value), Limit: engine.MaxValueSize}
	}
	size := t.size + len(key) + len(value)
	if old, found := t.writes.Get(string(key)); found {
		size -= len(old.Key) + len(old.Value)
	}
	if size > MaxTxnSize {
		return &engine.TooLargeError{What: "transaction", Size: size, Limit: MaxTxnSize}
	}
	t.size = size
	m := &kvrpcpb.Mutation{Op: op, Key: bytes.Clone(key), Value: bytes.Clone(value)}
	t.writes.Set(string(key), m)
	return nil
}

// Commit makes all writes of the transaction visible, or none. A transaction that has
// written and locked nothing always succeeds. In any case it is over then.
//
// If the error is an *OutcomeUnknownError, ctx ended at the one moment at which it is not
// known whether the transaction was committed; or the transaction took so long that no store
// knows it (Collect). With any other error it was not, and never will be: a
// *ConflictError, an *AbortedError and a *TooOldError ask for another transaction, a
// *LockedError and a *RefusedError say what was in the way until ctx ended; ErrTxnDone
// is the answer to a second call.
func (t *Txn) Commit(ctx context.Context) error {
	if t.done {
		return ErrTxnDone
	}
	t.done = true
	if t.writes.Len() == 0 {
		return nil
	}
	c := &committer{t: t.snapshot.t, startTS: t.snapshot.ts, begun: t.begun}
	for _, m := range t.writes.Values() {
		c.writes = append(c.writes, &write{Mutation: m})
	}
	t.writes, t.size = btree.Map[string, *kvrpcpb.Mutation]{}, 0
	err := c.commit(ctx)
	t.commitTS = c.commitTS
	return err
}

// Rollback drops the writes of the transaction. No store has heard of them, so this
// takes no time. After Commit or Rollback it does nothing, so that it can be deferred.
func (t *Txn) Rollback() {
	t.done = true
	t.writes, t.size = btree.Map[string, *kvrpcpb.Mutation]{}, 0
}

// written returns what the transaction puts or deletes at key, or nil.
func (t *Txn) written(key []byte) *kvrpcpb.Mutation {
	m, found := t.writes.Get(string(key))
	if !found || m.Op == kvrpcpb.Op_Lock {
		return nil
	}
	return m
}

// firstPut returns the first put of the transaction from start on that is below end,
// unless end is empty; nil if there is none.
func (t *Txn) firstPut(start, end []byte) *kvrpcpb.Mutation {
	var first *kvrpcpb.Mutation
	t.writes.Ascend(string(start), func(key string, m *kvrpcpb.Mutation) bool {
		if len(end) > 0 && key >= string(end) {
			return false
		}
		if m.Op == kvrpcpb.Op_Put {
			first = m
		}
		return first == nil
	})
	return first
}

// after returns the first key that is greater than key.
func after(key []byte) []byte { return append(bytes.Clone(key), 0) }

// checkKey returns an error unless key can be the key of a transaction.
func checkKey(key []byte) error {
	switch {
	case len(key) == 0:
		return engine.ErrEmptyKey
	case len(key) > transaction.MaxKeySize:
		return &engine.TooLargeError{What: "key", Size: len(key), Limit: transaction.MaxKeySize}
	default:
		return nil
	}
}
