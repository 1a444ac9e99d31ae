package transaction_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A brittle view fails at one of its operations, and counts them: each Get, each opening of
// an iterator, and each step of one. An iterator that fails looks as if it had come to
// the end, until it is closed.
type brittle struct {
	engine.Reader
	failAt, done int
}

var errBadSector = errors.New("bad sector")

func (b *brittle) fails() bool {
	b.done++
	return b.done == b.failAt
}

func (b *brittle) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	if b.fails() {
		return nil, false, errBadSector
	}
	return b.Reader.Get(cf, key)
}

func (b *brittle) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	if b.fails() {
		return nil, errBadSector
	}
	it, err := b.Reader.Iterate(cf, r)
	return &brittleIterator{Iterator: it, of: b}, err
}

type brittleIterator struct {
	engine.Iterator
	of     *brittle
	failed bool
}

func (it *brittleIterator) Seek(key []byte) {
	if !it.failed && !it.of.fails() {
		it.Iterator.Seek(key)
	} else {
		it.failed = true
	}
}

func (it *brittleIterator) Next() {
	if !it.Valid() {
		return
	}
	if it.of.fails() {
		it.failed = true
	} else {
		it.Iterator.Next()
	}
}

func (it *brittleIterator) Valid() bool { return !it.failed && it.Iterator.Valid() }

func (it *brittleIterator) Key() []byte {
	if it.failed {
		return nil
	}
	return it.Iterator.Key()
}

func (it *brittleIterator) Value() []byte {
	if it.failed {
		return nil
	}
	return it.Iterator.Value()
}

func (it *brittleIterator) Close() error {
	if err := it.Iterator.Close(); err != nil {
		return err
	}
	if it.failed {
		return errBadSector
	}
	return nil
}

// Each read of each command fails once. (That nothing stays open is looked at when the
// test ends.)
func TestFailedReads4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command whose reads fail returns the error, and neither an answer nor writes that are founded on half of what is stored",
		Source: "the comment on engine.Iterator",
	}, func(t *graded.T) {
		d := empty(t)
		for _, key := range []string{"a", "b", "c", "d"} {
			d.put(key, 10, 20, "old").rolledBack(key, 25)
		}
		d.put("a", 30, 40, "new").locked("b", "b", kvrpcpb.Op_Put, 30, 5, "new").rolledBack("c", 30).
			locked("c", "c", kvrpcpb.Op_Put, 50, 5, "x").locked("e", "a", kvrpcpb.Op_Put, 30, 5, "new")
		for _, c := range []struct {
			name string
			run  func(r *transaction.Reader) (ops []engine.Op, err error)
		}{
			{"Scan of all keys", func(r *transaction.Reader) ([]engine.Op, error) {
				_, err := transaction.Scan(r, &kvrpcpb.ScanRequest{Limit: 10, Version: at(60)})
				return nil, err
			}},
			{"Scan of two keys", func(r *transaction.Reader) ([]engine.Op, error) {
				_, err := transaction.Scan(r, &kvrpcpb.ScanRequest{Limit: 2, Version: at(29)})
				return nil, err
			}},
			{"CheckTxnStatus of a committed transaction", checkOf("a", 30)},
			{"CheckTxnStatus of a locked key", checkOf("b", 30)},
			{"CheckTxnStatus of a transaction that was rolled back", checkOf("c", 30)},
			{"CheckTxnStatus of a transaction that is not known", checkOf("d", 30)},
			{"BatchRollback", func(r *transaction.Reader) ([]engine.Op, error) {
				_, ops, err := transaction.BatchRollback(r, &kvrpcpb.BatchRollbackRequest{StartVersion: at(30), Keys: bytesOf([]string{"b", "c", "d", "e"})})
				return ops, err
			}},
			{"BatchRollback of a committed key", func(r *transaction.Reader) ([]engine.Op, error) {
				_, ops, err := transaction.BatchRollback(r, &kvrpcpb.BatchRollbackRequest{StartVersion: at(30), Keys: bytesOf([]string{"b", "a"})})
				return ops, err
			}},
			{"LocksOf", func(r *transaction.Reader) ([]engine.Op, error) {
				_, err := transaction.LocksOf(r, at(30), 10)
				return nil, err
			}},
			{"ResolveLock", func(r *transaction.Reader) ([]engine.Op, error) {
				_, ops, err := transaction.ResolveLock(r, &kvrpcpb.ResolveLockRequest{StartVersion: at(30)}, bytesOf([]string{"a", "b", "c", "e"}))
				return ops, err
			}},
		} {
			for failAt := 1; ; failAt++ {
				view, err := d.engine.Snapshot()
				require.NoError(t, err, "a snapshot of the engine")
				b := &brittle{Reader: view, failAt: failAt}
				ops, err := c.run(transaction.NewReader(b))
				require.NoError(t, view.Close(), "closing the reader's view")
				if b.done < failAt {
					require.NoError(t, err, "%s, whose reads do not fail", c.name)
					require.Greater(t, failAt, 1, "the reads of %s", c.name)
					break
				}
				require.Error(t, err, "%s, of whose reads number %d fails", c.name, failAt)
				require.ErrorContains(t, err, "bad sector", "%s, of whose reads number %d fails", c.name, failAt)
				require.Empty(t, ops, "writes of %s, of whose reads number %d fails", c.name, failAt)
			}
		}
	})
}

func checkOf(key string, start int) func(r *transaction.Reader) ([]engine.Op, error) {
	return func(r *transaction.Reader) ([]engine.Op, error) {
		_, ops, err := transaction.CheckTxnStatus(r, &kvrpcpb.CheckTxnStatusRequest{PrimaryKey: []byte(key), LockTs: at(start), CurrentTs: at(60)})
		return ops, err
	}
}

// Requests that make no sense, whatever is stored.
func TestBadRequests4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request without what it needs, or with what cannot be, is a *RequestError and has no effect",
		Source: "the comment on RequestError and the checks beside it (request.go)",
	}, func(t *graded.T) {
		long := []byte(strings.Repeat("k", transaction.MaxKeySize+1))
		key := []byte("k")
		const last = ^uint64(0)
		d := empty(t).locked("k", "k", kvrpcpb.Op_Put, 30, 5, "x")
		before := d.content()
		for _, c := range []struct {
			name string
			run  func(r *transaction.Reader) (ops []engine.Op, err error)
		}{
			{"Scan at timestamp 0", scanOf(nil, 0)},
			{"Scan from a key that is too large", scanOf(long, at(40))},
			{"CheckTxnStatus without a key", statusOf(nil, at(30))},
			{"CheckTxnStatus of a key that is too large", statusOf(long, at(30))},
			{"CheckTxnStatus of the transaction of 0", statusOf(key, 0)},
			{"CheckTxnStatus of the transaction of the greatest number", statusOf(key, last)},
			{"BatchRollback without keys", rollbackOf(at(30))},
			{"BatchRollback of an empty key", rollbackOf(at(30), key, nil)},
			{"BatchRollback of a key that is too large", rollbackOf(at(30), key, long)},
			{"BatchRollback of the transaction of 0", rollbackOf(0, key)},
			{"BatchRollback of the transaction of the greatest number", rollbackOf(last, key)},
		} {
			ops, err := c.run(d.reader())
			require.Error(t, err, "%s", c.name)
			var wrong *transaction.RequestError
			require.ErrorAs(t, err, &wrong, "the error of %s", c.name)
			require.Empty(t, ops, "writes of %s", c.name)
		}
		require.Equal(t, before, d.content(), "what is stored after requests that were refused")

		// The largest key is as good as any.
		largest := long[:transaction.MaxKeySize]
		for _, c := range []struct {
			name string
			run  func(r *transaction.Reader) (ops []engine.Op, err error)
		}{
			{"Scan", scanOf(largest, at(40))},
			{"CheckTxnStatus", statusOf(largest, at(30))},
			{"BatchRollback", rollbackOf(at(30), largest)},
		} {
			ops, err := c.run(d.reader())
			require.NoError(t, err, "%s with the largest key", c.name)
			d.apply(ops)
		}
		_, err := scanOf(nil, last)(d.reader())
		require.NoError(t, err, "Scan at the greatest timestamp, which shows what is newest")
	})
}

func scanOf(start []byte, version uint64) func(r *transaction.Reader) ([]engine.Op, error) {
	return func(r *transaction.Reader) ([]engine.Op, error) {
		_, err := transaction.Scan(r, &kvrpcpb.ScanRequest{StartKey: start, Limit: 10, Version: version})
		return nil, err
	}
}

func statusOf(key []byte, start uint64) func(r *transaction.Reader) ([]engine.Op, error) {
	return func(r *transaction.Reader) ([]engine.Op, error) {
		_, ops, err := transaction.CheckTxnStatus(r, &kvrpcpb.CheckTxnStatusRequest{PrimaryKey: key, LockTs: start, CurrentTs: at(100)})
		return ops, err
	}
}

func rollbackOf(start uint64, keys ...[]byte) func(r *transaction.Reader) ([]engine.Op, error) {
	return func(r *transaction.Reader) ([]engine.Op, error) {
		_, ops, err := transaction.BatchRollback(r, &kvrpcpb.BatchRollbackRequest{StartVersion: start, Keys: keys})
		return ops, err
	}
}
