package server_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// ts is the timestamp of a number of milliseconds.
func ts(ms int) uint64 { return transaction.Timestamp(int64(ms), 0) }

// lockOps gives key a lock, with a time to live of 5 ms, of the transaction that has
// started at ms.
func lockOps(key, primary string, ms int) []engine.Op {
	lock := transaction.Lock{Primary: []byte(primary), StartTS: ts(ms), TTL: 5, Kind: kvrpcpb.Op_Put}
	return []engine.Op{
		{CF: engine.CFLock, Key: transaction.EncodeKey([]byte(key)), Value: lock.Encode()},
		{CF: engine.CFDefault, Key: transaction.VersionKey([]byte(key), ts(ms)), Value: []byte("v")},
	}
}

// versionOps gives key a version, which the transaction of start has committed at commit.
func versionOps(key string, start, commit int) []engine.Op {
	record := transaction.Record{StartTS: ts(start), Kind: kvrpcpb.Op_Put}
	return []engine.Op{
		{CF: engine.CFWrite, Key: transaction.VersionKey([]byte(key), ts(commit)), Value: record.Encode()},
		{CF: engine.CFDefault, Key: transaction.VersionKey([]byte(key), ts(start)), Value: []byte("v")},
	}
}

// writeOps writes to an engine.
func writeOps(t *graded.T, e engine.Engine, parts ...[]engine.Op) {
	t.Helper()
	for _, ops := range parts {
		var b engine.Batch
		b.Append(ops...)
		require.NoError(t, e.Write(&b, true), "writing %d operations", len(ops))
	}
}

// stored lists locks, records and values, in the order of families and keys, such as
//
//	lock a by 30, ttl 5
//	record a @ 40: Put by 30
//	value a of 30
//
// Of keys that are longer than 40 bytes it shows the beginning.
func stored(t *graded.T, r engine.Reader) []string {
	t.Helper()
	lines := []string{}
	each := func(cf engine.CF, line func(key, value []byte) (string, error)) {
		it, err := r.Iterate(cf, engine.Range{})
		require.NoError(t, err, "iterating over family %s", cf)
		for it.Seek(nil); it.Valid(); it.Next() {
			text, err := line(bytes.Clone(it.Key()), bytes.Clone(it.Value()))
			require.NoError(t, err, "what is stored in family %s", cf)
			lines = append(lines, text)
		}
		require.NoError(t, it.Close(), "iterating over family %s", cf)
	}
	each(engine.CFLock, func(key, value []byte) (string, error) {
		user, _, err := transaction.DecodeKey(key)
		if err != nil {
			return "", err
		}
		lock, err := transaction.DecodeLock(value)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("lock %.40s by %d, ttl %d", user, transaction.Physical(lock.StartTS), lock.TTL), nil
	})
	each(engine.CFWrite, func(key, value []byte) (string, error) {
		user, at, err := transaction.DecodeVersion(key)
		if err != nil {
			return "", err
		}
		record, err := transaction.DecodeRecord(value, at)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("record %.40s @ %d: %v by %d", user, transaction.Physical(at), record.Kind, transaction.Physical(record.StartTS)), nil
	})
	each(engine.CFDefault, func(key, _ []byte) (string, error) {
		user, at, err := transaction.DecodeVersion(key)
		return fmt.Sprintf("value %.40s of %d", user, transaction.Physical(at)), err
	})
	return lines
}

// overGRPC has the handlers of a server that is at the other end of a connection.
type overGRPC struct {
	tinykvpb.UnimplementedTinyKvServer
	to tinykvpb.TinyKvClient
}

func (c overGRPC) KvCommit(ctx context.Context, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, error) {
	return c.to.KvCommit(ctx, req)
}

func (c overGRPC) KvScan(ctx context.Context, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	return c.to.KvScan(ctx, req)
}

func (c overGRPC) KvCheckTxnStatus(ctx context.Context, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	return c.to.KvCheckTxnStatus(ctx, req)
}

func (c overGRPC) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	return c.to.KvBatchRollback(ctx, req)
}

func (c overGRPC) KvResolveLock(ctx context.Context, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, error) {
	return c.to.KvResolveLock(ctx, req)
}

func (c overGRPC) KvTxnHeartBeat(ctx context.Context, req *kvrpcpb.TxnHeartBeatRequest) (*kvrpcpb.TxnHeartBeatResponse, error) {
	return c.to.KvTxnHeartBeat(ctx, req)
}

// A txnCommand is a request about the transaction of 30, whose primary key is a and whose
// other key is b. It returns the answer in words.
type txnCommand struct {
	name string
	send func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string
}

var (
	commitBoth = txnCommand{"KvCommit", func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
		resp, err := s.KvCommit(ctx, &kvrpcpb.CommitRequest{Context: rc, StartVersion: ts(30), CommitVersion: ts(40), Keys: [][]byte{[]byte("a"), []byte("b")}})
		return inWords(resp.GetRegionError(), err, "error "+errorWords(resp.GetError()))
	}}
	rollbackBoth = txnCommand{"KvBatchRollback", func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
		resp, err := s.KvBatchRollback(ctx, &kvrpcpb.BatchRollbackRequest{Context: rc, StartVersion: ts(30), Keys: [][]byte{[]byte("a"), []byte("b")}})
		return inWords(resp.GetRegionError(), err, "error "+errorWords(resp.GetError()))
	}}
	// The lock has expired.
	checkPrimary = txnCommand{"KvCheckTxnStatus", func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
		resp, err := s.KvCheckTxnStatus(ctx, &kvrpcpb.CheckTxnStatusRequest{Context: rc, PrimaryKey: []byte("a"), LockTs: ts(30), CurrentTs: ts(35)})
		return inWords(resp.GetRegionError(), err, fmt.Sprintf("error %s, time to live %d, committed at %d, action %v",
			errorWords(resp.GetError()), resp.GetLockTtl(), transaction.Physical(resp.GetCommitVersion()), resp.GetAction()))
	}}
	beat = txnCommand{"KvTxnHeartBeat", func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
		resp, err := s.KvTxnHeartBeat(ctx, &kvrpcpb.TxnHeartBeatRequest{Context: rc, PrimaryLock: []byte("a"), StartVersion: ts(30), AdviseLockTtl: 100})
		return inWords(resp.GetRegionError(), err, fmt.Sprintf("error %s, time to live %d", errorWords(resp.GetError()), resp.GetLockTtl()))
	}}
	resolveCommitted  = resolveAt("KvResolveLock that commits", 40)
	resolveRolledBack = resolveAt("KvResolveLock that rolls back", 0)
)

func resolveAt(name string, commit int) txnCommand {
	return txnCommand{name, func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
		resp, err := s.KvResolveLock(ctx, &kvrpcpb.ResolveLockRequest{Context: rc, StartVersion: ts(30), CommitVersion: ts(commit)})
		return inWords(resp.GetRegionError(), err, "error "+errorWords(resp.GetError()))
	}}
}

// scanAll shows what it has read, too.
var scanAll = txnCommand{"KvScan", func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
	resp, err := s.KvScan(ctx, &kvrpcpb.ScanRequest{Context: rc, StartKey: []byte("a"), Limit: 10, Version: ts(50)})
	text := "pairs"
	for _, p := range resp.GetPairs() {
		text += fmt.Sprintf(" %s=%s", p.Key, p.Value)
		if p.Error != nil {
			text += "(" + errorWords(p.Error) + ")"
		}
	}
	return inWords(resp.GetRegionError(), err, text)
}}

// inWords is answer, unless the answer is an error of the region or a status.
func inWords(region *errorpb.Error, err error, answer string) string {
	switch {
	case err != nil:
		return fmt.Sprintf("status %v: %s", status.Code(err), status.Convert(err).Message())
	case region != nil:
		return "region error: " + region.Message
	}
	return answer
}

func errorWords(e *kvrpcpb.KeyError) string {
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
