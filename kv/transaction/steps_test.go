package transaction_test

import (
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// The steps of a transaction that began at a number of milliseconds. Each is one request,
// whose writes are carried out.

// prewrite puts a value to keys, with a time to live of 100 ms. It returns the names of
// the errors.
func (d *data) prewrite(start int, primary string, keys ...string) []string {
	d.t.Helper()
	req := &kvrpcpb.PrewriteRequest{PrimaryLock: []byte(primary), StartVersion: at(start), LockTtl: 100}
	for _, key := range keys {
		req.Mutations = append(req.Mutations, &kvrpcpb.Mutation{Op: kvrpcpb.Op_Put, Key: []byte(key), Value: []byte("value of " + ms(at(start)))})
	}
	resp, ops, err := transaction.Prewrite(d.reader(), req)
	require.NoError(d.t, err, "Prewrite of %q by the transaction of %d", keys, start)
	d.apply(ops)
	var errors []string
	for _, e := range resp.Errors {
		errors = append(errors, keyErrorWords(e))
	}
	return errors
}

// commit returns the name of the error.
func (d *data) commit(start, commit int, keys ...string) string {
	d.t.Helper()
	resp, ops, err := transaction.Commit(d.reader(), &kvrpcpb.CommitRequest{StartVersion: at(start), CommitVersion: at(commit), Keys: bytesOf(keys)})
	require.NoError(d.t, err, "Commit of %q by the transaction of %d at %d", keys, start, commit)
	d.apply(ops)
	return keyErrorWords(resp.Error)
}

// rollback returns the name of the error. A rollback that is refused writes nothing.
func (d *data) rollback(start int, keys ...string) string {
	d.t.Helper()
	resp, ops, err := transaction.BatchRollback(d.reader(), &kvrpcpb.BatchRollbackRequest{StartVersion: at(start), Keys: bytesOf(keys)})
	require.NoError(d.t, err, "BatchRollback of %q for the transaction of %d", keys, start)
	if resp.Error != nil {
		require.Empty(d.t, ops, "writes of a BatchRollback of %q that is refused", keys)
	}
	d.apply(ops)
	return keyErrorWords(resp.Error)
}

// resolve finishes keys: it commits the locks of the transaction at commit, or rolls them
// back if that is 0. It returns how much was written.
func (d *data) resolve(start, commit int, keys ...string) (writes int) {
	d.t.Helper()
	resp, ops, err := transaction.ResolveLock(d.reader(), &kvrpcpb.ResolveLockRequest{StartVersion: at(start), CommitVersion: at(commit)}, bytesOf(keys))
	require.NoError(d.t, err, "ResolveLock of %q for the transaction of %d", keys, start)
	require.Nil(d.t, resp.Error, "error of ResolveLock of %q for the transaction of %d", keys, start)
	d.apply(ops)
	return len(ops)
}

// lockedAs is locked for a lock of any kind.
func (d *data) lockedAs(key string, lock transaction.Lock, value string) *data {
	d.t.Helper()
	ops := []engine.Op{{CF: engine.CFLock, Key: transaction.EncodeKey([]byte(key)), Value: lock.Encode()}}
	if lock.Kind == kvrpcpb.Op_Put {
		ops = append(ops, engine.Op{CF: engine.CFDefault, Key: transaction.VersionKey([]byte(key), lock.StartTS), Value: []byte(value)})
	}
	d.apply(ops)
	return d
}

func bytesOf(keys []string) [][]byte {
	var all [][]byte
	for _, key := range keys {
		all = append(all, []byte(key))
	}
	return all
}
