package client

import (
	"context"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A committer commits one transaction, in two phases (paper §2.2). First it prewrites all
// keys, which locks them: the primary key with those that fit into one request with it,
// and then the others, region by region and several regions at a time. No lock is there
// without the lock of the primary key, so a client that meets one can find out what
// became of the transaction. Then the committer gets the commit timestamp and commits
// the primary key. That decides; the other keys follow in the background.
//
// A transaction whose keys fit into one request asks the store to commit it at once.
type committer struct {
	t       *Transactional
	startTS uint64
	begun   time.Time
	writes  []*write // in the order of their keys; the first is the primary

	size int // of all prewrites

	pulse *pulse // nil until the primary key is locked
	// tried is set while a store may commit all at once, as it was asked to.
	tried bool
	// commitTS is not 0 once the transaction is committed.
	commitTS uint64
}

func (c *committer) primary() []byte { return c.writes[0].Key }

// commit commits the transaction. After an error, other than an *OutcomeUnknownError, it
// rolls back in the background what may be locked.
func (c *committer) commit(ctx context.Context) error {
	for _, w := range c.writes {
		c.size += c.prewriteSize(w)
	}
	err := c.twoPhases(ctx)
	if _, unknown := err.(*OutcomeUnknownError); unknown {
		return err
	}
	// Other transactions of this client need not ask what became of this one.
	c.t.decided.remember(c.startTS, c.commitTS)
	if err != nil {
		c.rollBack()
	}
	return err
}

func (c *committer) twoPhases(ctx context.Context) error {
	n, err := c.prewrite(ctx, c.writes)
	if err != nil || c.commitTS != 0 {
		return err
	}
	if err := c.prewriteOthers(ctx, c.writes[n:]); err != nil {
		return err
	}
	commitTS, err := c.t.timestamps.next(ctx)
	if err != nil {
		return err
	}
	n, at, refusal, err := c.finish(ctx, c.writes, commitTS)
	switch {
	case err != nil:
		return err
	case refusal.GetTooOld() != nil && at.doubtful:
		// An earlier attempt may have committed, and its record may be gone.
		return &OutcomeUnknownError{c.t.cluster.stores.describe(at.place).Addr, errors.New(reason(refusal))}
	case refusal.GetTooOld() != nil:
		return tooOld(refusal) // the lock of the primary key was removed
	case refusal != nil:
		return &AbortedError{c.startTS, reason(refusal)}
	}
	c.commitTS = commitTS
	if left := c.writes[n:]; len(left) > 0 {
		c.t.background(func(ctx context.Context) { c.finishRest(ctx, left) })
	}
	return nil
}

// prewriteOthers prewrites the other keys while the primary key stays locked.
func (c *committer) prewriteOthers(ctx context.Context, writes []*write) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.pulse = &pulse{c: c, last: time.Now(), stop: cancel}
	err := c.t.everywhere(ctx, writes, c.prewrite)
	if c.pulse.lost != nil {
		return c.pulse.lost
	}
	return err
}

// finish commits the first of writes, as many as one request can have. It returns how
// many and where, or why the store refuses.
func (c *committer) finish(ctx context.Context, writes []*write, commitTS uint64) (n int, at service, refusal *kvrpcpb.KeyError, err error) {
	var resp *kvrpcpb.CommitResponse
	p := &portion{of: writes, size: (*write).finishSize}
	at, err = c.t.cluster.do(ctx, p.request(func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
		var err error
		resp, err = stub.KvCommit(ctx, &kvrpcpb.CommitRequest{
			Context: rc, StartVersion: c.startTS, Keys: keysOf(writes[:p.n]), CommitVersion: commitTS,
		})
		return resp, err
	}))
	if err != nil {
		return 0, at, nil, err
	}
	return p.n, at, resp.Error, nil
}

// finishRest commits keys of a transaction that is committed. What it leaves undone is
// done by clients that meet the locks.
func (c *committer) finishRest(ctx context.Context, writes []*write) {
	_ = c.t.everywhere(ctx, writes, func(ctx context.Context, writes []*write) (int, error) {
		n, _, _, err := c.finish(ctx, writes, c.commitTS)
		if err != nil {
			return len(writes), nil // other regions may do better
		}
		return n, nil
	})
}

// rollBack removes, in the background, the locks that the transaction may have, and keeps
// prewrites that are on their way from locking keys. The transaction will never be
// committed: no other client can do that without the record of the primary key.
func (c *committer) rollBack() {
	var locked []*write
	for _, w := range c.writes {
		if w.locked {
			locked = append(locked, w)
		}
	}
	if len(locked) == 0 {
		return
	}
	c.t.background(func(ctx context.Context) {
		_ = c.t.everywhere(ctx, locked, func(ctx context.Context, writes []*write) (int, error) {
			p := &portion{of: writes, size: (*write).finishSize}
			_, err := c.t.cluster.do(ctx, p.request(func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
				return stub.KvBatchRollback(ctx, &kvrpcpb.BatchRollbackRequest{
					Context: rc, StartVersion: c.startTS, Keys: keysOf(writes[:p.n]),
				})
			}))
			if err != nil {
				return len(writes), nil // other regions may do better
			}
			return p.n, nil
		})
	})
}
