package server

import (
	"context"
	"fmt"
	"math"

	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// Server returns the handlers of kv, which read through Storage, with what the guard refuses
// and what it removes. s is the storage without the check.
func (g *Guard) Server(kv tinykvpb.TinyKvServer, s storage.Storage) tinykvpb.TinyKvServer {
	return &guardedServer{kv, g, s}
}

type guardedServer struct {
	tinykvpb.TinyKvServer
	guard   *Guard
	storage storage.Storage
}

// KvGet implements tinykvpb.TinyKvServer. A reader of the newest versions need not know what
// became of old ones.
func (s *guardedServer) KvGet(ctx context.Context, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	if req.GetVersion() == math.MaxUint64 {
		return s.TinyKvServer.KvGet(ctx, req)
	}
	resp, refused, err := call(ctx, s.reads(req.GetVersion()), req, s.TinyKvServer.KvGet)
	if refused != nil {
		return &kvrpcpb.GetResponse{Error: refused}, nil
	}
	return resp, err
}

// KvScan implements tinykvpb.TinyKvServer. Its response has errors in pairs only: one that is
// refused has the key at which the scan was to begin.
func (s *guardedServer) KvScan(ctx context.Context, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	if req.GetVersion() == math.MaxUint64 {
		return s.TinyKvServer.KvScan(ctx, req)
	}
	resp, refused, err := call(ctx, s.reads(req.GetVersion()), req, s.TinyKvServer.KvScan)
	if refused != nil {
		return &kvrpcpb.ScanResponse{Pairs: []*kvrpcpb.KvPair{{Key: req.GetStartKey(), Error: refused}}}, nil
	}
	return resp, err
}

func (s *guardedServer) reads(version uint64) *visit {
	return &visit{guard: s.guard, refuse: func(safe transaction.SafePoint) *kvrpcpb.KeyError { return safe.TooOldToRead(version) }}
}

// KvPrewrite implements tinykvpb.TinyKvServer.
func (s *guardedServer) KvPrewrite(ctx context.Context, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	start := req.GetStartVersion()
	v := &visit{guard: s.guard, locks: start, refuse: func(safe transaction.SafePoint) *kvrpcpb.KeyError { return safe.TooOldToLock(start) }}
	resp, refused, err := call(ctx, v, req, s.TinyKvServer.KvPrewrite)
	if refused != nil {
		return &kvrpcpb.PrewriteResponse{Errors: []*kvrpcpb.KeyError{refused}}, nil
	}
	return resp, err
}

// KvCommit implements tinykvpb.TinyKvServer.
func (s *guardedServer) KvCommit(ctx context.Context, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, error) {
	resp, refused, err := call(ctx, s.tells(req.GetStartVersion()), req, s.TinyKvServer.KvCommit)
	if refused != nil {
		return &kvrpcpb.CommitResponse{Error: refused}, nil
	}
	return resp, err
}

// KvBatchRollback implements tinykvpb.TinyKvServer.
func (s *guardedServer) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	resp, refused, err := call(ctx, s.tells(req.GetStartVersion()), req, s.TinyKvServer.KvBatchRollback)
	if refused != nil {
		return &kvrpcpb.BatchRollbackResponse{Error: refused}, nil
	}
	return resp, err
}

// KvCheckTxnStatus implements tinykvpb.TinyKvServer.
func (s *guardedServer) KvCheckTxnStatus(ctx context.Context, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	resp, refused, err := call(ctx, s.tells(req.GetLockTs()), req, s.TinyKvServer.KvCheckTxnStatus)
	if refused != nil {
		return &kvrpcpb.CheckTxnStatusResponse{Error: refused}, nil
	}
	return resp, err
}

// tells is about the requests that could decide by the absence of a record. KvResolveLock and
// KvTxnHeartBeat need no check: without a lock they change nothing.
func (s *guardedServer) tells(startTS uint64) *visit {
	return &visit{guard: s.guard, refuse: func(safe transaction.SafePoint) *kvrpcpb.KeyError { return safe.TooOldToTell(startTS) }}
}

const (
	// oldLocks is how many locks KvScanLock returns at most.
	oldLocks = 256
	// collectAtOnce is how many operations one write of KvGC has, or about that.
	collectAtOnce = 1024
)

// KvScanLock implements tinykvpb.TinyKvServer. When it answers, the locks that it returns and
// those that come after them are all that there ever will be in the region, of transactions
// that began at or below the safe point: no further prewrite of such a one is let in, and
// those that were let in before are over when the locks are read.
func (s *guardedServer) KvScanLock(ctx context.Context, req *kvrpcpb.ScanLockRequest) (*kvrpcpb.ScanLockResponse, error) {
	resp, err := s.oldLocks(ctx, req)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.ScanLockResponse{RegionError: region}, err
	}
	return resp, nil
}

func (s *guardedServer) oldLocks(ctx context.Context, req *kvrpcpb.ScanLockRequest) (*kvrpcpb.ScanLockResponse, error) {
	if err := transaction.CheckScanLock(req); err != nil {
		return nil, err
	}
	id := req.GetContext().GetRegionId()
	safe, err := s.guard.hear(ctx, id, func(safe transaction.SafePoint) bool { return safe.Published >= req.MaxVersion })
	if err != nil {
		return nil, err
	}
	if safe.Published < req.MaxVersion {
		return nil, &transaction.RequestError{Reason: fmt.Sprintf("%d is above the safe point %d: publish it first", req.MaxVersion, safe.Published)}
	}
	if err := s.guard.wait(ctx, id, req.MaxVersion); err != nil {
		return nil, err
	}
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		s.guard.forget(id)
		return nil, err
	}
	defer view.Close()
	limit := oldLocks
	if req.Limit > 0 {
		limit = min(limit, int(req.Limit))
	}
	locks, err := transaction.OldLocks(transaction.NewReader(view), req.MaxVersion, req.StartKey, limit)
	return &kvrpcpb.ScanLockResponse{Locks: locks}, err
}

// KvGC implements tinykvpb.TinyKvServer. It carries out one write.
func (s *guardedServer) KvGC(ctx context.Context, req *kvrpcpb.GCRequest) (*kvrpcpb.GCResponse, error) {
	resp, err := s.collect(ctx, req)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.GCResponse{RegionError: region}, err
	}
	return resp, nil
}

func (s *guardedServer) collect(ctx context.Context, req *kvrpcpb.GCRequest) (*kvrpcpb.GCResponse, error) {
	if err := transaction.CheckGC(req); err != nil {
		return nil, err
	}
	// From here on the region serves nothing that could miss what is about to go.
	id := req.GetContext().GetRegionId()
	safe, err := s.guard.hear(ctx, id, func(safe transaction.SafePoint) bool { return safe.Clean >= req.SafePoint })
	if err != nil {
		return nil, err
	}
	if safe.Clean < req.SafePoint {
		return nil, &transaction.RequestError{Reason: fmt.Sprintf("%d is above the clean point %d: there may be locks of older transactions", req.SafePoint, safe.Clean)}
	}
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		s.guard.forget(id)
		return nil, err
	}
	found, err := transaction.Collect(transaction.NewReader(view), req.SafePoint, req.StartKey, collectAtOnce)
	view.Close()
	if err != nil {
		return nil, err
	}
	if len(found.Ops) > 0 {
		if err := s.storage.Write(ctx, req.GetContext(), found.Ops); err != nil {
			return nil, err
		}
		s.guard.collected(found.Records)
	}
	return &kvrpcpb.GCResponse{NextKey: found.Next, Removed: uint64(found.Records)}, nil
}
