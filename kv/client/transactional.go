package client

import (
	"cmp"
	"context"
	stderrors "errors"
	"sync"
	"time"

	"github.com/pingcap/errors"
)

// backgroundTimeout bounds work that goes on when a call has returned. What is not
// done by then is left to the clients that meet the locks.
const backgroundTimeout = 5 * time.Second

// A Transactional reads and writes keys in transactions with snapshot isolation: a
// transaction reads what was committed before it began, and is committed as a whole,
// unless a key that it writes was changed meanwhile. Its methods may be called from
// several goroutines at once.
type Transactional struct {
	cluster    *cluster
	timestamps timestamps
	decided    decided

	// life is the context of the work in the background. Close ends it.
	life context.Context
	end  context.CancelFunc

	mu     sync.Mutex
	closed bool           // no more work is begun in the background
	work   sync.WaitGroup // in the background
}

// NewTransactional returns a client. The caller must Close it. The configuration must
// have a Scheduler: all clients of a cluster must get their timestamps from one source.
func NewTransactional(cfg Config) (*Transactional, error) {
	if cfg.Scheduler == nil {
		return nil, errors.New("transactions need a scheduler: their timestamps must come from one source for the whole cluster")
	}
	c, err := newCluster(cfg)
	if err != nil {
		return nil, err
	}
	t := &Transactional{cluster: c, timestamps: timestamps{cluster: c}}
	t.life, t.end = context.WithCancel(c.cfg.Background)
	return t, nil
}

// Close waits for the work in the background, which takes some seconds at most, and
// ends the use of the client. Calls under way fail, those that begin before the end of
// the wait can still succeed.
func (t *Transactional) Close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.work.Wait()
	t.end()
	t.cluster.stores.close()
}

// background does f when the present call may have returned. f must be something that
// other clients do as well if this one is gone. Its context ends in a while.
func (t *Transactional) background(f func(ctx context.Context)) {
	t.mu.Lock()
	closed := t.closed
	if !closed {
		t.work.Add(1)
	}
	t.mu.Unlock()
	if closed {
		return
	}
	t.cluster.cfg.Go(func() {
		defer t.work.Done()
		ctx, cancel := context.WithTimeout(t.life, backgroundTimeout)
		defer cancel()
		f(ctx)
	})
}

// Timestamp returns a timestamp above all that were handed out before this call. A Snapshot
// at it shows the present. The error is the error of Begin.
func (t *Transactional) Timestamp(ctx context.Context) (uint64, error) { return t.timestamps.next(ctx) }

// Begin begins a transaction: it will read what was committed before this call, and
// perhaps what is committed during it. The caller ends it with Commit or Rollback.
//
// The error is a *RefusedError if the scheduler has not handed out a timestamp until
// ctx ended.
func (t *Transactional) Begin(ctx context.Context) (*Txn, error) {
	begun := time.Now()
	ts, err := t.timestamps.next(ctx)
	if err != nil {
		return nil, err
	}
	return &Txn{snapshot: Snapshot{t, ts}, begun: begun}, nil
}

// Run begins a transaction, calls f with it, and commits it if f returns nil. On a
// *ConflictError or an *AbortedError of the commit it does so again, after a pause, with
// another transaction, until ctx ends; so f must have no effects beside those on the
// transaction. If f returns an error, the transaction is rolled back, and Run returns
// that error. f must not commit or roll back the transaction itself.
//
// The error can be any of Begin and Commit, too. An *OutcomeUnknownError is not tried
// again: the transaction may have been committed.
func (t *Transactional) Run(ctx context.Context, f func(ctx context.Context, txn *Txn) error) error {
	p := pace{pause: minPause}
	for {
		txn, err := t.Begin(ctx)
		if err != nil {
			return err
		}
		if err := f(ctx, txn); err != nil {
			txn.Rollback()
			return err
		}
		err = txn.Commit(ctx)
		var conflict *ConflictError
		var aborted *AbortedError
		if !stderrors.As(err, &conflict) && !stderrors.As(err, &aborted) || over(ctx) {
			return err
		}
		if p.rest(ctx, &t.cluster.cfg) != nil {
			return err
		}
	}
}

// maxConcurrency bounds the requests that one call has under way.
const maxConcurrency = 16

// each calls f for the numbers from 0 to n-1, several at a time, and waits. After an
// error no more calls begin, and the contexts of the others end. It returns the first
// error.
func (t *Transactional) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	if n == 1 {
		return f(ctx, 0)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		mu     sync.Mutex
		next   int
		failed error
		done   sync.WaitGroup
	)
	take := func() (i int, found bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == n || failed != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range min(n, maxConcurrency) {
		done.Add(1)
		t.cluster.cfg.Go(func() {
			defer done.Done()
			for i, found := take(); found; i, found = take() {
				if err := f(ctx, i); err != nil {
					mu.Lock()
					failed = cmp.Or(failed, err)
					mu.Unlock()
					cancel()
				}
			}
		})
	}
	done.Wait()
	return failed
}
