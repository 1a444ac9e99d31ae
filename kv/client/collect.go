package client

import (
	"bytes"
	"context"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A Collection is what one call of Collect has done.
type Collection struct {
	// SafePoint is the timestamp below which nothing can be read. It is 0 if
	// nothing is as old as that.
	SafePoint uint64
	// Transactions is how many old transactions had left locks, which were resolved.
	Transactions int
	// Removed is how many records were removed, each with its value if it had one.
	Removed uint64
}

// Collect removes old versions from the whole cluster. Afterwards, snapshots that are younger
// than keep can be read as before. Older ones cannot, and transactions that began so long ago
// cannot commit: both get a *TooOldError. So keep has to be longer than any transaction takes.
//
// Collect goes through the regions in the order transaction.SafePoint describes, by keys, so
// that regions may split and move meanwhile. It waits for old transactions that are alive, and
// does not end them: one that is about to commit may do so. One that still locks keys is
// refused more of them, so it ends soon. Locks whose clients have gone are resolved.
//
// Collect may be stopped at any moment, and called again, by any client, and several clients
// may collect at once: they repeat some of each other's work. The collection then says what was
// done before the error, which can be a *LockedError, if an old transaction was alive until ctx
// ended, or a *RefusedError. If another client has collected more, Collect does that again.
func (t *Transactional) Collect(ctx context.Context, keep time.Duration) (Collection, error) {
	var done Collection
	seen := map[uint64]bool{} // old transactions, by their start
	now, err := t.timestamps.next(ctx)
	if err != nil {
		return done, err
	}
	age := transaction.Timestamp(max(keep, 0).Milliseconds(), 0)
	if age >= now {
		return done, nil
	}
	safe, err := t.advance(ctx, transaction.SafePoint{Published: now - age})
	if err != nil {
		return done, err
	}
	done.SafePoint = safe.Published
	if safe.Clean < safe.Published {
		err := fromKeyToKey(func(start []byte) (next []byte, err error) {
			return t.resolveOld(ctx, safe.Published, start, seen)
		})
		done.Transactions = len(seen)
		if err != nil {
			return done, err
		}
		if _, err := t.advance(ctx, transaction.SafePoint{Clean: done.SafePoint}); err != nil {
			return done, err
		}
	}
	return done, fromKeyToKey(func(start []byte) (next []byte, err error) {
		return t.remove(ctx, &done, start)
	})
}

// fromKeyToKey calls step for all keys: each call begins where the one before has ended. An
// empty key is the first one, and after the last one.
func fromKeyToKey(step func(start []byte) (next []byte, err error)) error {
	for start := []byte(nil); ; {
		next, err := step(start)
		if err != nil || len(next) == 0 {
			return err
		}
		start = next
	}
}

// resolveOld resolves the locks at or below safePoint in the region of start, from there on, and
// adds their transactions to seen. It returns the end of the region.
func (t *Transactional) resolveOld(ctx context.Context, safePoint uint64, start []byte, seen map[uint64]bool) (next []byte, err error) {
	err = t.unlocked(ctx, &pace{pause: minPause}, func() ([]*kvrpcpb.LockInfo, error) {
		var resp *kvrpcpb.ScanLockResponse
		at, err := t.cluster.do(ctx, request{
			key: transaction.EncodeKey(start),
			send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
				var err error
				resp, err = stub.KvScanLock(ctx, &kvrpcpb.ScanLockRequest{Context: rc, MaxVersion: safePoint, StartKey: start})
				return resp, err
			},
		})
		if err != nil {
			return nil, err
		}
		if len(resp.Locks) > 0 {
			for _, lock := range resp.Locks {
				seen[lock.LockVersion] = true
			}
			return resp.Locks, nil
		}
		next, err = t.cluster.endOf(at)
		return nil, err
	}, nil)
	return next, err
}

// remove removes old versions in the region of start, from there on, as many as one request
// does. It returns where to go on.
func (t *Transactional) remove(ctx context.Context, done *Collection, start []byte) (next []byte, err error) {
	var resp *kvrpcpb.GCResponse
	at, err := t.cluster.do(ctx, request{
		key: transaction.EncodeKey(start), write: true, repeatable: true,
		send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
			var err error
			resp, err = stub.KvGC(ctx, &kvrpcpb.GCRequest{Context: rc, SafePoint: done.SafePoint, StartKey: start})
			return resp, err
		},
	})
	if err = undoubted(err); err != nil {
		return nil, err
	}
	done.Removed += resp.Removed
	if len(resp.NextKey) == 0 {
		return t.cluster.endOf(at)
	}
	if order := bytes.Compare(resp.NextKey, start); order < 0 || order == 0 && resp.Removed == 0 {
		return nil, &RefusedError{
			Addr: t.cluster.stores.describe(at.place).Addr, final: true,
			Err: errors.Errorf("a collection from %q does not get beyond that key", start),
		}
	}
	return resp.NextKey, nil
}

// SafePoint asks the scheduler how far old versions may have been removed. The answer is of a
// moment during the call. The error is a *RefusedError.
func (t *Transactional) SafePoint(ctx context.Context) (transaction.SafePoint, error) {
	return t.insist(ctx, t.cluster.scheduler.safePoint)
}

// advance advances the safe point of the scheduler, and returns what holds then.
func (t *Transactional) advance(ctx context.Context, to transaction.SafePoint) (transaction.SafePoint, error) {
	return t.insist(ctx, func(ctx context.Context) (transaction.SafePoint, error) {
		return t.cluster.scheduler.advanceSafePoint(ctx, to)
	})
}

// insist calls ask until it is answered, or ctx ends.
func (t *Transactional) insist(ctx context.Context, ask func(context.Context) (transaction.SafePoint, error)) (safe transaction.SafePoint, err error) {
	p := pace{pause: minPause}
	_, err = persist(ctx, true, func() error {
		var err error
		safe, err = ask(ctx)
		return err
	}, func(*RefusedError) error {
		if p.rest(ctx, &t.cluster.cfg) != nil {
			return errNoTime
		}
		return nil
	})
	return safe, err
}

func (s *scheduler) safePoint(ctx context.Context) (transaction.SafePoint, error) {
	var resp *schedulerpb.GetGCSafePointResponse
	err := s.ask(ctx, answerTimeout, func(ctx context.Context, h *schedulerpb.RequestHeader) (*schedulerpb.ResponseHeader, error) {
		var err error
		resp, err = s.stub.GetGCSafePoint(ctx, &schedulerpb.GetGCSafePointRequest{Header: h})
		return resp.GetHeader(), err
	})
	return transaction.SafePoint{Published: resp.GetSafePoint(), Clean: resp.GetCleanPoint()}, err
}

func (s *scheduler) advanceSafePoint(ctx context.Context, to transaction.SafePoint) (transaction.SafePoint, error) {
	var resp *schedulerpb.UpdateGCSafePointResponse
	err := s.ask(ctx, answerTimeout, func(ctx context.Context, h *schedulerpb.RequestHeader) (*schedulerpb.ResponseHeader, error) {
		var err error
		resp, err = s.stub.UpdateGCSafePoint(ctx, &schedulerpb.UpdateGCSafePointRequest{Header: h, SafePoint: to.Published, CleanPoint: to.Clean})
		return resp.GetHeader(), err
	})
	return transaction.SafePoint{Published: resp.GetNewSafePoint(), Clean: resp.GetNewCleanPoint()}, err
}
