package client_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// fakeTxns are the transactional commands of a fakeCluster. All keys are in one engine:
// a store shows the keys of the region that it was asked for.
type fakeTxns struct {
	t      *testing.T
	engine engine.Engine
	// onePhase makes stores commit at once what they may.
	onePhase bool
	// room is how many pairs fit into the answer to a scan; 0 means any number.
	room int
	// on is called with each request to a store, outside of the lock, and says how much
	// of the call is lost.
	on func(req txnRequest) loss
	// served are the requests that were carried out, in order.
	served []txnRequest
	oracle oracle
	// safe is the safe point, which all stores know as soon as it is published.
	safe transaction.SafePoint
}

// A loss is what the network loses of a call.
type loss int

const (
	kept loss = iota
	requestLost
	answerLost
)

type txnRequest interface {
	proto.Message
	GetContext() *kvrpcpb.Context
}

func (f *fakeTxns) open(t *testing.T) {
	e, err := memory.NewDisk().Open(engine.Families...)
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	f.t, f.engine = t, e
}

// A regionView is the part of an engine that a region has.
type regionView struct {
	engine.Reader
	keys engine.Range
}

func (v regionView) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	return v.Reader.Iterate(cf, r.Intersect(v.keys))
}

// serve carries out a request for r, like package server.
func (f *fakeTxns) serve(r *metapb.Region, req txnRequest, out proto.Message) error {
	for _, key := range keysIn(req) {
		if !region.Range(r).Contains(transaction.EncodeKey(key)) {
			setError(out, region.KeyNotInRegion(key, r).(*region.Error).Err)
			return nil
		}
	}
	f.served = append(f.served, proto.CloneOf(req))
	if refusal := f.tooOld(req); refusal != nil {
		proto.Merge(out, refusal)
		return nil
	}
	reader := transaction.NewReader(regionView{f.engine, region.Range(r)})
	var (
		resp proto.Message
		ops  []engine.Op
		err  error
	)
	switch req := req.(type) {
	case *kvrpcpb.GetRequest:
		resp, err = transaction.Get(reader, req)
	case *kvrpcpb.ScanRequest:
		limited := proto.CloneOf(req)
		if f.room > 0 {
			limited.Limit = min(req.Limit, uint32(f.room))
		}
		var scanned *kvrpcpb.ScanResponse
		if scanned, err = transaction.Scan(reader, limited); err == nil {
			scanned.More = scanned.More || limited.Limit < req.Limit && len(scanned.Pairs) == f.room
		}
		resp = scanned
	case *kvrpcpb.PrewriteRequest:
		if f.onePhase && req.OnePhase {
			resp, ops, err = transaction.CommitAtOnce(reader, req, f.oracle.next(1))
		} else {
			resp, ops, err = transaction.Prewrite(reader, req)
		}
	case *kvrpcpb.CommitRequest:
		resp, ops, err = transaction.Commit(reader, req)
	case *kvrpcpb.BatchRollbackRequest:
		resp, ops, err = transaction.BatchRollback(reader, req)
	case *kvrpcpb.CheckTxnStatusRequest:
		resp, ops, err = transaction.CheckTxnStatus(reader, req)
	case *kvrpcpb.TxnHeartBeatRequest:
		resp, ops, err = transaction.TxnHeartBeat(reader, req)
	case *kvrpcpb.ResolveLockRequest:
		var keys [][]byte
		if keys, err = transaction.LocksOf(reader, req.StartVersion, 1<<20); err == nil {
			resp, ops, err = transaction.ResolveLock(reader, req, keys)
		}
	case *kvrpcpb.ScanLockRequest:
		require.LessOrEqual(f.t, req.MaxVersion, f.safe.Published, "a lock scan without a safe point")
		var locks []*kvrpcpb.LockInfo
		locks, err = transaction.OldLocks(reader, req.MaxVersion, req.StartKey, 3)
		resp = &kvrpcpb.ScanLockResponse{Locks: locks}
	case *kvrpcpb.GCRequest:
		require.LessOrEqual(f.t, req.SafePoint, f.safe.Clean, "versions are removed before all locks are resolved")
		var found *transaction.Collected
		if found, err = transaction.Collect(reader, req.SafePoint, req.StartKey, 3); err == nil {
			resp, ops = &kvrpcpb.GCResponse{NextKey: found.Next, Removed: uint64(found.Records)}, found.Ops
		}
	}
	if err != nil {
		return &client.CallError{Fate: client.Answered, Err: status.Error(codes.InvalidArgument, err.Error())}
	}
	if len(ops) > 0 {
		var b engine.Batch
		b.Append(ops...)
		require.True(f.t, b.Fits(0, 0), "%d writes of %d bytes for one request", b.Len(), b.Size())
		require.NoError(f.t, f.engine.Write(&b, false))
	}
	proto.Merge(out, resp)
	return nil
}

// keysIn returns the keys that a request names, in its region.
func keysIn(req txnRequest) (keys [][]byte) {
	switch req := req.(type) {
	case *kvrpcpb.GetRequest:
		return [][]byte{req.Key}
	case *kvrpcpb.ScanRequest:
		return [][]byte{req.StartKey}
	case *kvrpcpb.PrewriteRequest:
		for _, m := range req.Mutations {
			keys = append(keys, m.Key)
		}
	case *kvrpcpb.CommitRequest:
		return req.Keys
	case *kvrpcpb.BatchRollbackRequest:
		return req.Keys
	case *kvrpcpb.CheckTxnStatusRequest:
		return [][]byte{req.PrimaryKey}
	case *kvrpcpb.TxnHeartBeatRequest:
		return [][]byte{req.PrimaryLock}
	case *kvrpcpb.ScanLockRequest:
		return [][]byte{req.StartKey}
	case *kvrpcpb.GCRequest:
		return [][]byte{req.StartKey}
	}
	return keys
}

// tooOld returns the answer of a store to a request that is below the safe point, or nil.
func (f *fakeTxns) tooOld(req txnRequest) proto.Message {
	switch req := req.(type) {
	case *kvrpcpb.GetRequest:
		if e := f.safe.TooOldToRead(req.Version); e != nil {
			return &kvrpcpb.GetResponse{Error: e}
		}
	case *kvrpcpb.ScanRequest:
		if e := f.safe.TooOldToRead(req.Version); e != nil {
			return &kvrpcpb.ScanResponse{Pairs: []*kvrpcpb.KvPair{{Key: req.StartKey, Error: e}}}
		}
	case *kvrpcpb.PrewriteRequest:
		if e := f.safe.TooOldToLock(req.StartVersion); e != nil {
			return &kvrpcpb.PrewriteResponse{Errors: []*kvrpcpb.KeyError{e}}
		}
	case *kvrpcpb.CommitRequest:
		if e := f.safe.TooOldToTell(req.StartVersion); e != nil {
			return &kvrpcpb.CommitResponse{Error: e}
		}
	case *kvrpcpb.BatchRollbackRequest:
		if e := f.safe.TooOldToTell(req.StartVersion); e != nil {
			return &kvrpcpb.BatchRollbackResponse{Error: e}
		}
	case *kvrpcpb.CheckTxnStatusRequest:
		if e := f.safe.TooOldToTell(req.LockTs); e != nil {
			return &kvrpcpb.CheckTxnStatusResponse{Error: e}
		}
	}
	return nil
}

func setTxnError(out proto.Message, e *errorpb.Error) {
	switch out := out.(type) {
	case *kvrpcpb.GetResponse:
		out.RegionError = e
	case *kvrpcpb.ScanResponse:
		out.RegionError = e
	case *kvrpcpb.PrewriteResponse:
		out.RegionError = e
	case *kvrpcpb.CommitResponse:
		out.RegionError = e
	case *kvrpcpb.BatchRollbackResponse:
		out.RegionError = e
	case *kvrpcpb.CheckTxnStatusResponse:
		out.RegionError = e
	case *kvrpcpb.ResolveLockResponse:
		out.RegionError = e
	case *kvrpcpb.TxnHeartBeatResponse:
		out.RegionError = e
	case *kvrpcpb.ScanLockResponse:
		out.RegionError = e
	case *kvrpcpb.GCResponse:
		out.RegionError = e
	}
}

// An oracle hands out timestamps.
type oracle struct {
	mu       sync.Mutex
	last     uint64
	requests []uint32 // how many timestamps each one asked for
}

// next returns the last of n timestamps.
func (o *oracle) next(n uint32) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = max(o.last, transaction.Timestamp(time.Now().UnixMilli(), 0)) + uint64(n)
	return o.last
}

// Tso serves a stream of the fake scheduler.
func (s *fakeScheduler) Tso(ctx context.Context, _ ...grpc.CallOption) (schedulerpb.Scheduler_TsoClient, error) {
	return &fakeTso{s: s, ctx: ctx}, nil
}

type fakeTso struct {
	grpc.ClientStream // nil: the rest is not used
	s                 *fakeScheduler
	ctx               context.Context
	asked             []*schedulerpb.TsoRequest
	closed            bool
}

func (f *fakeTso) Send(req *schedulerpb.TsoRequest) error {
	f.asked = append(f.asked, req)
	return nil
}

func (f *fakeTso) CloseSend() error {
	f.closed = true
	return nil
}

func (f *fakeTso) Recv() (*schedulerpb.TsoResponse, error) {
	if len(f.asked) == 0 {
		require.True(f.s.c.t, f.closed, "a stream waits forever")
		return nil, io.EOF
	}
	req := f.asked[0]
	f.asked = f.asked[1:]
	h, err := f.s.answer(f.ctx, "Tso", req.Header)
	if err != nil {
		return nil, err
	}
	o := &f.s.c.txns.oracle
	o.mu.Lock()
	o.requests = append(o.requests, req.Count)
	o.mu.Unlock()
	return &schedulerpb.TsoResponse{Header: h, Count: req.Count, Timestamp: parts(o.next(req.Count))}, nil
}

// GetGCSafePoint serves a call of the fake scheduler.
func (s *fakeScheduler) GetGCSafePoint(ctx context.Context, req *schedulerpb.GetGCSafePointRequest, _ ...grpc.CallOption) (*schedulerpb.GetGCSafePointResponse, error) {
	h, err := s.answer(ctx, "GetGCSafePoint", req.Header)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	safe := s.c.txns.safe
	return &schedulerpb.GetGCSafePointResponse{Header: h, SafePoint: safe.Published, CleanPoint: safe.Clean}, err
}

// UpdateGCSafePoint serves a call of the fake scheduler.
func (s *fakeScheduler) UpdateGCSafePoint(ctx context.Context, req *schedulerpb.UpdateGCSafePointRequest, _ ...grpc.CallOption) (*schedulerpb.UpdateGCSafePointResponse, error) {
	h, err := s.answer(ctx, "UpdateGCSafePoint", req.Header)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	safe := &s.c.txns.safe
	if err == nil && h.Error == nil {
		*safe = safe.Join(transaction.SafePoint{Published: req.SafePoint, Clean: req.CleanPoint})
		require.LessOrEqual(s.c.t, safe.Clean, safe.Published)
	}
	return &schedulerpb.UpdateGCSafePointResponse{Header: h, NewSafePoint: safe.Published, NewCleanPoint: safe.Clean}, err
}

// parts returns a timestamp as the scheduler has it.
func parts(ts uint64) *schedulerpb.Timestamp {
	return &schedulerpb.Timestamp{Physical: transaction.Physical(ts), Logical: int64(ts & (1<<transaction.LogicalBits - 1))}
}

// transactional returns a client that knows the scheduler only, with the shortest pauses.
func (c *fakeCluster) transactional() *client.Transactional {
	cl, err := client.NewTransactional(client.Config{
		Scheduler: c.scheduler, Dial: c.dial, Rand: func(int64) int64 { return 0 },
	})
	require.NoError(c.t, err)
	c.t.Cleanup(cl.Close)
	return cl
}

// splitAt splits the region of a user key at that key.
func (c *fakeCluster) splitAt(key string) { c.split(string(transaction.EncodeKey([]byte(key)))) }

// locks returns the keys that are locked.
func (c *fakeCluster) locks() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	it, err := c.txns.engine.Iterate(engine.CFLock, engine.Range{})
	require.NoError(c.t, err)
	defer it.Close()
	var keys []string
	for it.Seek(nil); it.Valid(); it.Next() {
		key, _, err := transaction.DecodeKey(it.Key())
		require.NoError(c.t, err)
		keys = append(keys, string(key))
	}
	return strings.Join(keys, " ")
}

// records returns the records of a key, newest first, by kind.
func (c *fakeCluster) records(key string) (kinds []kvrpcpb.Op) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r, err := range transaction.NewReader(c.txns.engine).Records([]byte(key), ^uint64(0)) {
		require.NoError(c.t, err)
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

// sent returns the requests of one type that stores have carried out.
func sent[Request txnRequest](c *fakeCluster) (all []Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, req := range c.txns.served {
		if r, ok := req.(Request); ok {
			all = append(all, r)
		}
	}
	return all
}

// A dead client prewrites and is not heard of again. prewrite is what it has sent for
// keys of one region.
func (c *fakeCluster) abandon(primary string, ttl time.Duration, keys ...string) (startTS uint64) {
	startTS = c.txns.oracle.next(1)
	for _, key := range keys {
		c.prewrite(startTS, primary, ttl, key)
	}
	return startTS
}

func (c *fakeCluster) prewrite(startTS uint64, primary string, ttl time.Duration, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	resp, ops, err := transaction.Prewrite(transaction.NewReader(c.txns.engine), &kvrpcpb.PrewriteRequest{
		Mutations:   []*kvrpcpb.Mutation{{Key: []byte(key), Value: []byte("abandoned")}},
		PrimaryLock: []byte(primary), StartVersion: startTS, LockTtl: uint64(ttl.Milliseconds()),
	})
	require.NoError(c.t, err)
	require.Empty(c.t, resp.Errors)
	c.apply(ops)
}

// decide commits a key of a transaction, or rolls it back if commitTS is 0.
func (c *fakeCluster) decide(key string, startTS, commitTS uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := transaction.NewReader(c.txns.engine)
	var ops []engine.Op
	var err error
	if commitTS > 0 {
		_, ops, err = transaction.Commit(r, &kvrpcpb.CommitRequest{Keys: [][]byte{[]byte(key)}, StartVersion: startTS, CommitVersion: commitTS})
	} else {
		_, ops, err = transaction.BatchRollback(r, &kvrpcpb.BatchRollbackRequest{Keys: [][]byte{[]byte(key)}, StartVersion: startTS})
	}
	require.NoError(c.t, err)
	c.apply(ops)
}

func (c *fakeCluster) apply(ops []engine.Op) {
	var b engine.Batch
	b.Append(ops...)
	require.NoError(c.t, c.txns.engine.Write(&b, false))
}
