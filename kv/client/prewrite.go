package client

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// prewrite locks the keys of the first of writes, as many as one request can have, and
// returns how many. It waits for locks of transactions that are alive only if they are
// older. One that is younger will commit after this one began, or not at all, so that
// waiting hardly helps; and if all wait in the same direction, there is no deadlock.
//
// If that was asked for, the transaction may be committed then. The error is one of
// Txn.Commit; an *OutcomeUnknownError only if it may be committed.
func (c *committer) prewrite(ctx context.Context, writes []*write) (n int, err error) {
	p := &pace{pause: minPause, meanwhile: c.pulse.beat}
	err = c.t.unlocked(ctx, p, func() ([]*kvrpcpb.LockInfo, error) {
		c.pulse.beat(ctx)
		var locks []*kvrpcpb.LockInfo
		var err error
		n, locks, err = c.lock(ctx, writes)
		return locks, err
	}, func(alive []*kvrpcpb.LockInfo) error {
		for _, lock := range alive {
			if lock.LockVersion > c.startTS {
				return &ConflictError{Key: lock.Key, StartTS: c.startTS, ConflictTS: lock.LockVersion}
			}
		}
		return nil
	})
	return n, err
}

// lock carries out one prewrite for the first of writes. It returns how many have their
// keys locked now, or the locks of other transactions that are in the way.
func (c *committer) lock(ctx context.Context, writes []*write) (n int, others []*kvrpcpb.LockInfo, err error) {
	var resp *kvrpcpb.PrewriteResponse
	p := &portion{of: writes, size: c.prewriteSize}
	r := p.request(func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
		all := p.n == len(c.writes)
		if all {
			c.tried = true // no other prewrite is under way
		}
		var err error
		resp, err = stub.KvPrewrite(ctx, &kvrpcpb.PrewriteRequest{
			Context: rc, Mutations: mutationsOf(writes[:p.n]), PrimaryLock: c.primary(),
			StartVersion: c.startTS, LockTtl: c.ttl(), OnePhase: all,
		})
		return resp, err
	})
	r.meanwhile = c.pulse.beat
	at, err := c.t.cluster.do(ctx, r)
	if at.doubtful {
		mark(writes[:p.most])
	}
	switch {
	case err != nil && c.tried:
		return 0, nil, err
	case err != nil:
		// Without a commit, nothing of the transaction has any effect.
		return 0, nil, undoubted(err)
	case len(resp.Errors) == 0:
		mark(writes[:p.n])
		if p.n == len(c.writes) || c.tried {
			// If there are locks, no earlier attempt has committed, and none can yet.
			c.tried, c.commitTS = false, resp.CommitVersion
		}
		return p.n, nil, nil
	}
	others, err = c.judge(resp.Errors)
	if at.doubtful && c.tried {
		// What is in the way may be what an earlier attempt has committed, and what has
		// happened since.
		if status, unclear := c.t.status(ctx, c.primary(), c.startTS); unclear != nil {
			return 0, nil, &OutcomeUnknownError{Addr: c.t.cluster.stores.describe(at.place).Addr, Err: unclear}
		} else if status.CommitVersion != 0 {
			c.commitTS = status.CommitVersion
			return len(writes), nil, nil
		} else if status.LockTtl == 0 && err == nil {
			err = &AbortedError{c.startTS, "locks were in its way, and it was rolled back to find out what became of it"}
		}
	}
	return 0, others, err
}

// judge returns the locks that are in the way of a prewrite, or an error if it can never
// succeed.
func (c *committer) judge(refusals []*kvrpcpb.KeyError) (others []*kvrpcpb.LockInfo, err error) {
	for _, e := range refusals {
		switch {
		case e.Locked != nil:
			others = append(others, e.Locked)
		case e.TooOld != nil:
			return nil, tooOld(e)
		case e.Conflict != nil:
			return nil, &ConflictError{Key: e.Conflict.Key, StartTS: c.startTS, ConflictTS: e.Conflict.ConflictTs}
		default:
			return nil, &AbortedError{c.startTS, reason(e)}
		}
	}
	return others, nil
}
