package transaction_test

import (
	"bytes"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/meter"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Sources of the claims of project 4.
const (
	paper    = "Percolator §2.2"
	contract = "the package comment of kv/transaction"
)

// at is the timestamp of a number of milliseconds, so that times to live can be
// told from it.
func at(ms int) uint64 { return transaction.Timestamp(int64(ms), 0) }

// A data is what a region has stored, in the hands of a test. It is written
// without the functions that students write.
type data struct {
	t      *graded.T
	engine *meter.Engine
}

// empty returns data without any keys. At the end of the test nothing of it may be open.
func empty(t *graded.T) *data {
	t.Helper()
	e, err := memory.NewDisk().Open(engine.Families...)
	require.NoError(t, err, "opening an engine")
	d := &data{t, meter.New(e)}
	t.Cleanup(func() {
		if open := d.engine.Open(); len(open) > 0 && !t.Failed() {
			t.Errorf("still open at the end: %s", open[0])
		}
		e.Close()
	})
	return d
}

// apply writes ops.
func (d *data) apply(ops []engine.Op) {
	d.t.Helper()
	var b engine.Batch
	b.Append(ops...)
	require.NoError(d.t, d.engine.Write(&b, false), "writing %d operations", len(ops))
}

// locked gives key a lock of the transaction that started at ms, with the time to live
// ttl, and the value that it is about to write.
func (d *data) locked(key, primary string, kind kvrpcpb.Op, ms int, ttl uint64, value string) *data {
	d.t.Helper()
	lock := transaction.Lock{Primary: []byte(primary), StartTS: at(ms), TTL: ttl, Kind: kind}
	ops := []engine.Op{{CF: engine.CFLock, Key: transaction.EncodeKey([]byte(key)), Value: lock.Encode()}}
	if kind == kvrpcpb.Op_Put {
		ops = append(ops, engine.Op{CF: engine.CFDefault, Key: transaction.VersionKey([]byte(key), at(ms)), Value: []byte(value)})
	}
	d.apply(ops)
	return d
}

// committed gives key a version: the transaction that started at start has committed it
// at commit.
func (d *data) committed(key string, kind kvrpcpb.Op, start, commit int, value string) *data {
	d.t.Helper()
	record := transaction.Record{StartTS: at(start), Kind: kind}
	ops := []engine.Op{{CF: engine.CFWrite, Key: transaction.VersionKey([]byte(key), at(commit)), Value: record.Encode()}}
	if kind == kvrpcpb.Op_Put {
		ops = append(ops, engine.Op{CF: engine.CFDefault, Key: transaction.VersionKey([]byte(key), at(start)), Value: []byte(value)})
	}
	d.apply(ops)
	return d
}

// put is committed for a value.
func (d *data) put(key string, start, commit int, value string) *data {
	d.t.Helper()
	return d.committed(key, kvrpcpb.Op_Put, start, commit, value)
}

// rolledBack gives key the record of a rollback of the transaction that started at ms.
func (d *data) rolledBack(key string, ms int) *data {
	d.t.Helper()
	record := transaction.Record{StartTS: at(ms), Kind: kvrpcpb.Op_Rollback}
	d.apply([]engine.Op{{CF: engine.CFWrite, Key: transaction.VersionKey([]byte(key), at(ms)), Value: record.Encode()}})
	return d
}

// reader returns a reader of what is stored now, until the test ends.
func (d *data) reader() *transaction.Reader {
	d.t.Helper()
	view, err := d.engine.Snapshot()
	require.NoError(d.t, err, "a snapshot of the engine")
	d.t.Cleanup(func() { view.Close() })
	return transaction.NewReader(view)
}

// content lists what is stored, one line for each lock, record and value, in the order of
// families and keys:
//
//	lock a: Put by 5, primary a, ttl 3
//	record a @ 7: Put by 5
//	value a of 5: "x"
func (d *data) content() []string {
	d.t.Helper()
	lines := []string{}
	d.each(engine.CFLock, func(key, value []byte) {
		user, rest, err := transaction.DecodeKey(key)
		require.NoError(d.t, err, "a key of the lock family")
		require.Empty(d.t, rest, "bytes after key %q in the lock family", user)
		l, err := transaction.DecodeLock(value)
		require.NoError(d.t, err, "the lock of %q", user)
		lines = append(lines, fmt.Sprintf("lock %s: %v by %s, primary %s, ttl %d", user, l.Kind, ms(l.StartTS), l.Primary, l.TTL))
	})
	d.each(engine.CFWrite, func(key, value []byte) {
		user, ts, err := transaction.DecodeVersion(key)
		require.NoError(d.t, err, "a key of the write family")
		r, err := transaction.DecodeRecord(value, ts)
		require.NoError(d.t, err, "the record of %q at %s", user, ms(ts))
		lines = append(lines, fmt.Sprintf("record %s @ %s: %v by %s", user, ms(ts), r.Kind, ms(r.StartTS)))
	})
	d.each(engine.CFDefault, func(key, value []byte) {
		user, ts, err := transaction.DecodeVersion(key)
		require.NoError(d.t, err, "a key of the default family")
		lines = append(lines, fmt.Sprintf("value %s of %s: %q", user, ms(ts), value))
	})
	return lines
}

func (d *data) each(cf engine.CF, visit func(key, value []byte)) {
	d.t.Helper()
	it, err := d.engine.Iterate(cf, engine.Range{})
	require.NoError(d.t, err, "iterating over family %s", cf)
	for it.Seek(nil); it.Valid(); it.Next() {
		visit(bytes.Clone(it.Key()), bytes.Clone(it.Value()))
	}
	require.NoError(d.t, it.Close(), "iterating over family %s", cf)
}

// ms shows a timestamp in milliseconds, with its logical part if it has one.
func ms(ts uint64) string {
	if logical := ts & (1<<transaction.LogicalBits - 1); logical != 0 {
		return fmt.Sprintf("%d+%d", transaction.Physical(ts), logical)
	}
	return fmt.Sprint(transaction.Physical(ts))
}
