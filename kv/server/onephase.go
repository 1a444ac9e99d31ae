package server

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A OnePhase is a Server that commits a transaction in one phase if all of its keys are in
// one request (PrewriteRequest.one_phase): with one write in place of two, and without
// locks that others could see.
//
// A lock does two things. It keeps other writers out: that is what the latches do here. And
// it makes a reader wait that comes between the commit timestamp and the commit: for that
// there is a gate, which a transaction closes before it gets its commit timestamp. A
// reader that has passed the gate before has a timestamp below. Any later one waits until
// the write is applied, or is known to come to nothing. A reader of another leader needs no
// gate: a write of this store is in the log of that leader before its first read, or never.
type OnePhase struct {
	*Server
	// timestamp returns a timestamp of the cluster's oracle that is above all that it
	// has handed out before the call.
	timestamp func(context.Context) (uint64, error)
	gate      gate
}

// NewOnePhase returns a server that asks timestamp for commit timestamps.
func NewOnePhase(s *Server, timestamp func(context.Context) (uint64, error)) *OnePhase {
	return &OnePhase{Server: s, timestamp: timestamp}
}

// KvGet is as Server has it, after the transactions that are about to commit the key.
func (s *OnePhase) KvGet(ctx context.Context, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	if err := s.gate.pass(ctx, req.GetContext().GetRegionId(), func(key []byte) bool { return bytes.Equal(key, req.GetKey()) }); err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.GetResponse{RegionError: region}, err
	}
	return s.Server.KvGet(ctx, req)
}

// KvScan is as Server has it, after the transactions that are about to commit a key that
// the scan could come to.
func (s *OnePhase) KvScan(ctx context.Context, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	if err := s.gate.pass(ctx, req.GetContext().GetRegionId(), func(key []byte) bool { return bytes.Compare(key, req.GetStartKey()) >= 0 }); err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.ScanResponse{RegionError: region}, err
	}
	return s.Server.KvScan(ctx, req)
}

// KvPrewrite commits a transaction at once if it may, and locks its keys otherwise, or if
// the oracle does not answer.
func (s *OnePhase) KvPrewrite(ctx context.Context, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	if !req.GetOnePhase() {
		return s.Server.KvPrewrite(ctx, req)
	}
	resp, err := s.commitAtOnce(ctx, req)
	if err == errNoTimestamp {
		return s.Server.KvPrewrite(ctx, req)
	}
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.PrewriteResponse{RegionError: region}, err
	}
	return resp, nil
}

var errNoTimestamp = errors.NewNoStackError("there is no commit timestamp")

// commitAtOnce decides on a draft first, as every command can that writes. If there is
// nothing to write, only a view of the present state can tell (storage.Draft).
func (s *OnePhase) commitAtOnce(ctx context.Context, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	var keys [][]byte
	for _, m := range req.Mutations {
		keys = append(keys, m.GetKey())
	}
	release, err := s.latches.Acquire(ctx, keys)
	if err != nil {
		return nil, err
	}
	defer release()

	view, err := storage.Draft(ctx, s.storage, req.GetContext())
	if err != nil {
		return nil, err
	}
	resp, written, err := s.commitOn(ctx, view, req, keys)
	if written || err == errNoTimestamp {
		return resp, err
	}
	if view, err = s.storage.Reader(ctx, req.GetContext()); err != nil {
		return nil, err
	}
	resp, _, err = s.commitOn(ctx, view, req, keys)
	return resp, err
}

// commitOn commits the transaction of req if that can be done in the state of view, which
// it closes. written is true if there was something to write.
//
// The commit timestamp is asked for when the gate is closed and the view is open, so a view
// needs one of its own. The write carries the term of the view, and is refused if another
// store has led since. That store may have let readers in, and a timestamp that is older
// than the view could be below theirs.
func (s *OnePhase) commitOn(ctx context.Context, view storage.Reader, req *kvrpcpb.PrewriteRequest, keys [][]byte) (resp *kvrpcpb.PrewriteResponse, written bool, err error) {
	defer view.Close()
	defer s.gate.close(req.GetContext().GetRegionId(), keys)()
	commitTS, err := s.timestamp(ctx)
	if err != nil {
		return nil, false, errNoTimestamp
	}
	resp, ops, err := transaction.CommitAtOnce(transaction.NewReader(view), req, commitTS)
	if err != nil || len(ops) == 0 {
		return resp, false, err
	}
	rc := req.GetContext()
	if term := storage.Term(view); term != 0 {
		rc = &kvrpcpb.Context{RegionId: rc.RegionId, RegionEpoch: rc.RegionEpoch, Peer: rc.Peer, Term: term}
	}
	return resp, true, s.storage.Write(context.WithoutCancel(ctx), rc, ops)
}

// A gate makes readers wait for transactions that are about to commit at once. The zero
// gate is open for all keys.
type gate struct {
	mu     sync.Mutex
	closed []*closing // in the order in which they were closed
}

// A closing is what one transaction keeps closed.
type closing struct {
	region uint64
	keys   [][]byte
	over   chan struct{} // closed when the gate opens again
}

// close makes readers of keys in a region wait until open is called.
func (g *gate) close(region uint64, keys [][]byte) (open func()) {
	c := &closing{region, keys, make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = append(g.closed, c)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		for i, other := range g.closed {
			if other == c {
				g.closed = append(g.closed[:i:i], g.closed[i+1:]...)
				break
			}
		}
		close(c.over)
	}
}

// pass waits until each transaction is over that now has a key of the region closed for
// which reads is true. It waits for none that comes later.
func (g *gate) pass(ctx context.Context, region uint64, reads func(key []byte) bool) error {
	g.mu.Lock()
	var waits []*closing
	for _, c := range g.closed {
		if c.region == region && slices.ContainsFunc(c.keys, reads) {
			waits = append(waits, c)
		}
	}
	g.mu.Unlock()
	for _, c := range waits {
		select {
		case <-c.over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
