package server

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// KvGet reads a key at a timestamp. It needs no latches: what it reads is of one moment.
//
//lab:implement 4B
func (s *Server) KvGet(ctx context.Context, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	resp, err := read(ctx, s, req, transaction.Get)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.GetResponse{RegionError: region}, err
	}
	return resp, nil
}

// KvPrewrite locks keys and stores their new values. The package comment of
// transaction says what a handler has to do besides, under "What a handler does".
//
//lab:implement 4B
func (s *Server) KvPrewrite(ctx context.Context, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, error) {
	var keys [][]byte
	for _, m := range req.GetMutations() {
		keys = append(keys, m.GetKey())
	}
	resp, err := write(ctx, s, req, keys, transaction.Prewrite)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.PrewriteResponse{RegionError: region}, err
	}
	return resp, nil
}

// KvCommit makes the values of keys visible and unlocks them. What is said of KvPrewrite
// holds here, too.
//
//lab:implement 4B
func (s *Server) KvCommit(ctx context.Context, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, error) {
	resp, err := write(ctx, s, req, req.GetKeys(), transaction.Commit)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.CommitResponse{RegionError: region}, err
	}
	return resp, nil
}

// KvScan reads keys in order at a timestamp.
//
//lab:implement 4C
func (s *Server) KvScan(ctx context.Context, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	resp, err := read(ctx, s, req, transaction.Scan)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.ScanResponse{RegionError: region}, err
	}
	return resp, nil
}

// KvBatchRollback makes sure that a transaction never commits keys.
//
//lab:implement 4C
func (s *Server) KvBatchRollback(ctx context.Context, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, error) {
	resp, err := write(ctx, s, req, req.GetKeys(), transaction.BatchRollback)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.BatchRollbackResponse{RegionError: region}, err
	}
	return resp, nil
}

// KvCheckTxnStatus says what became of a transaction.
//
//lab:implement 4C
func (s *Server) KvCheckTxnStatus(ctx context.Context, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	resp, err := write(ctx, s, req, [][]byte{req.GetPrimaryKey()}, transaction.CheckTxnStatus)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.CheckTxnStatusResponse{RegionError: region}, err
	}
	return resp, nil
}

// KvResolveLock finishes all locks that a transaction has in the region of the request:
// it commits them, or rolls them back. There may be more of them than one write can
// have, for their number or for the size of their keys: a replicated store accepts a
// little less than engine.MaxValueSize bytes at once. A request that ends early has
// finished some, reports why it has not finished the others, and can be repeated. It may
// end at the first write that fails, or go on with other keys and report that error then.
//
// When it succeeds, none of the locks is left that were there when it came, whoever has
// finished them. Prewrites that come late may have added some since it was asked before.
// It asks for latches only while it holds none: else it could wait for a command that waits
// for it.
//
//lab:implement 4C
func (s *Server) KvResolveLock(ctx context.Context, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, error) {
	resp, err := s.resolve(ctx, req)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.ResolveLockResponse{RegionError: region}, err
	}
	return resp, nil
}

// KvTxnHeartBeat prolongs the life of a transaction.
//
//lab:implement 4C
func (s *Server) KvTxnHeartBeat(ctx context.Context, req *kvrpcpb.TxnHeartBeatRequest) (*kvrpcpb.TxnHeartBeatResponse, error) {
	resp, err := write(ctx, s, req, [][]byte{req.GetPrimaryLock()}, transaction.TxnHeartBeat)
	if err != nil {
		region, err := txnOutcome(err)
		return &kvrpcpb.TxnHeartBeatResponse{RegionError: region}, err
	}
	return resp, nil
}

// txnOutcome decides how the response of a transactional command reports err, as outcome
// does it for raw commands. Such a response has no place for an error of the store, so
// that ends with status Internal and its text.
func txnOutcome(err error) (*errorpb.Error, error) {
	region, message, err := outcome(err)
	if message != "" {
		err = status.Error(codes.Internal, message)
	}
	return region, err
}

// locksAtOnce is how many locks KvResolveLock finishes with one write. To finish a lock
// takes up to three keys of the engine, so even with the largest ones that is some 6 MiB.
//
//lab:private
const locksAtOnce = 64

//lab:private
func (s *Server) resolve(ctx context.Context, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, error) {
	if err := transaction.CheckResolve(req); err != nil {
		return nil, err
	}
	for {
		var keys [][]byte
		_, err := read(ctx, s, req, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (none struct{}, err error) {
			keys, err = transaction.LocksOf(r, req.StartVersion, locksAtOnce)
			return none, err
		})
		if err != nil {
			return nil, err
		}
		if len(keys) == 0 {
			return &kvrpcpb.ResolveLockResponse{}, nil
		}
		// The keys were read without their latches, so ResolveLock looks at each again.
		resp, err := write(ctx, s, req, keys, func(r *transaction.Reader, req *kvrpcpb.ResolveLockRequest) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
			return transaction.ResolveLock(r, req, keys)
		})
		if err != nil || len(keys) < locksAtOnce {
			return resp, err
		}
	}
}

// A txnRequest is the request of a transactional command.
type txnRequest interface{ GetContext() *kvrpcpb.Context }

// read answers req from the present state of its region. A reader needs no latches: its
// state is of one moment.
//
//lab:private
func read[Request txnRequest, Response any](ctx context.Context, s *Server, req Request,
	command func(*transaction.Reader, Request) (Response, error),
) (resp Response, err error) {
	view, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return resp, err
	}
	defer view.Close()
	return command(transaction.NewReader(view), req)
}

// write carries out a command that decides on the state of keys what to write.
//
// Between its read and the moment when its writes are applied, no other command may change
// those keys. Two things could: a command on this store, which the latches keep out, and
// one of another leader, if this store loses its leadership and regains it meanwhile.
// Against that one the write carries the term of the read: the storage refuses it in a
// later term.
//
// The latches are held until the outcome of the write is known, also if the client no
// longer waits for it. Until then the write may be on its way through the log, and a
// command that came now would read the state before it: it could roll a transaction back
// that is about to be committed.
//
// The command decides on a draft first (storage.Draft). If it finds something to write, as
// it mostly does, the write proves that the draft was the present state. If it finds
// nothing to write, or an error, nothing proves that: another store may lead by now. Its
// clients may have rolled back the transaction whose lock is in the draft, and a prewrite
// that is sent again and finds its own lock there would be told that all is in order. So
// the command decides once more, on a view whose storage has made sure that it leads.
//
//lab:private
func write[Request txnRequest, Response any](ctx context.Context, s *Server, req Request, keys [][]byte,
	command func(*transaction.Reader, Request) (Response, []engine.Op, error),
) (resp Response, err error) {
	release, err := s.latches.Acquire(ctx, keys)
	if err != nil {
		return resp, err
	}
	defer release()

	view, err := storage.Draft(ctx, s.storage, req.GetContext())
	if err != nil {
		return resp, err
	}
	resp, ops, term, err := decide(view, req, command)
	if err != nil || len(ops) == 0 {
		if view, err = s.storage.Reader(ctx, req.GetContext()); err != nil {
			return resp, err
		}
		resp, ops, term, err = decide(view, req, command)
	}
	if err != nil || len(ops) == 0 {
		return resp, err
	}
	return resp, s.storage.Write(context.WithoutCancel(ctx), inTerm(req.GetContext(), term), ops)
}

// decide returns what command makes of req on view, and the term of view, which it closes.
//
//lab:private
func decide[Request txnRequest, Response any](view storage.Reader, req Request,
	command func(*transaction.Reader, Request) (Response, []engine.Op, error),
) (resp Response, ops []engine.Op, term uint64, err error) {
	defer view.Close()
	resp, ops, err = command(transaction.NewReader(view), req)
	return resp, ops, storage.Term(view), err
}

// inTerm returns rc for a request that is good in a term only.
//
//lab:private
func inTerm(rc *kvrpcpb.Context, term uint64) *kvrpcpb.Context {
	if rc == nil || term == 0 {
		return rc
	}
	return &kvrpcpb.Context{RegionId: rc.RegionId, RegionEpoch: rc.RegionEpoch, Peer: rc.Peer, Term: term}
}
