package client

import (
	"context"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// unlocked calls try until no locks are in its way, and removes locks whose transactions
// are over. For those that are alive it waits, unless refuse, which may be nil, returns
// an error for them. The error is that one, an error of try, or a *LockedError.
func (t *Transactional) unlocked(ctx context.Context, p *pace, try func() ([]*kvrpcpb.LockInfo, error), refuse func(alive []*kvrpcpb.LockInfo) error) error {
	var last *kvrpcpb.LockInfo
	for {
		locks, err := try()
		if _, refused := err.(*RefusedError); refused && last != nil && over(ctx) {
			return lockedBy(last, err) // which says more
		}
		if err != nil || len(locks) == 0 {
			return err
		}
		alive, err := t.resolve(ctx, locks)
		if err != nil {
			return lockedBy(locks[0], err)
		}
		if len(alive) > 0 && refuse != nil {
			if err := refuse(alive); err != nil {
				return err
			}
		}
		again := last != nil && last.LockVersion == locks[0].LockVersion && string(last.Key) == string(locks[0].Key)
		last = locks[0]
		if len(alive) == 0 && !again {
			continue
		}
		if p.rest(ctx, &t.cluster.cfg) != nil {
			return lockedBy(append(alive, last)[0], nil)
		}
	}
}

// resolve finishes the transactions that have left locks (paper §2.2): it asks at their
// primary keys what became of them, and has their locks in the region of locks committed
// or rolled back accordingly. It returns those locks whose transactions are alive.
func (t *Transactional) resolve(ctx context.Context, locks []*kvrpcpb.LockInfo) (alive []*kvrpcpb.LockInfo, err error) {
	seen := map[uint64]bool{}
	var first []*kvrpcpb.LockInfo // of each transaction: one request resolves all
	for _, lock := range locks {
		if !seen[lock.LockVersion] {
			seen[lock.LockVersion] = true
			first = append(first, lock)
		}
	}
	living := make([]bool, len(first))
	err = t.each(ctx, len(first), func(ctx context.Context, i int) error {
		commitTS, known := t.decided.of(first[i].LockVersion)
		if !known {
			status, err := t.status(ctx, first[i].PrimaryLock, first[i].LockVersion)
			if _, old := err.(*TooOldError); old {
				return nil // all of its locks have been resolved meanwhile
			}
			if err != nil {
				return err
			}
			if living[i] = status.LockTtl > 0; living[i] {
				return nil
			}
			commitTS = status.CommitVersion
		}
		return t.resolveLock(ctx, first[i], commitTS)
	})
	for i, lock := range first {
		if living[i] {
			alive = append(alive, lock)
		}
	}
	return alive, err
}

// status asks at the primary key of a transaction what became of it. A transaction whose
// time is over is rolled back by that. The error is a *TooOldError if that is no longer known:
// then the transaction has no locks.
func (t *Transactional) status(ctx context.Context, primary []byte, startTS uint64) (*kvrpcpb.CheckTxnStatusResponse, error) {
	now, err := t.timestamps.next(ctx)
	if err != nil {
		return nil, err
	}
	var resp *kvrpcpb.CheckTxnStatusResponse
	_, err = t.cluster.do(ctx, request{
		key: transaction.EncodeKey(primary), write: true, repeatable: true,
		send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
			var err error
			resp, err = stub.KvCheckTxnStatus(ctx, &kvrpcpb.CheckTxnStatusRequest{
				Context: rc, PrimaryKey: primary, LockTs: startTS, CurrentTs: now,
			})
			return resp, err
		},
	})
	err = undoubted(err)
	if err == nil && resp.Error != nil {
		if err = tooOld(resp.Error); err == nil {
			err = errors.Errorf("asked what became of the transaction of %d: %s", startTS, reason(resp.Error))
		}
	}
	if err != nil {
		return nil, err
	}
	if resp.LockTtl == 0 {
		t.decided.remember(startTS, resp.CommitVersion)
	}
	return resp, nil
}

// resolveLock finishes the transaction of lock in the region of the lock.
func (t *Transactional) resolveLock(ctx context.Context, lock *kvrpcpb.LockInfo, commitTS uint64) error {
	var resp *kvrpcpb.ResolveLockResponse
	_, err := t.cluster.do(ctx, request{
		key: transaction.EncodeKey(lock.Key), write: true, repeatable: true,
		send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
			var err error
			resp, err = stub.KvResolveLock(ctx, &kvrpcpb.ResolveLockRequest{
				Context: rc, StartVersion: lock.LockVersion, CommitVersion: commitTS,
			})
			return resp, err
		},
	})
	err = undoubted(err)
	if err == nil && resp.Error != nil {
		err = errors.Errorf("resolving the lock: %s", reason(resp.Error))
	}
	return err
}
