package server

import (
	"context"
	"slices"
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A Guard keeps requests away from versions that may have been removed, and removes them
// (KvScanLock and KvGC, in gc.go). What it refuses, and why, transaction.SafePoint says.
//
// The danger is a leader that does not know how far its predecessors have removed versions. A
// safe point is published at the scheduler before any store acts on it. So a leader whose
// question to the scheduler began after its term did knows from the answer all that leaders of
// earlier terms can have acted on, and what its own term adds comes to it as a request. It
// needs one answer for each term of each region, and none after that.
//
// This holds for the data that a handler has read, not for some moment before: between the
// start of a handler and its read another store may have led the region. So the check is in
// the storage that the handlers read through. It comes when the view is open, with the term
// of the view:
//
//   - A reader, or a question about a transaction, is let through only if the safe point that
//     is known then is not in its way. What is removed later is not missing from its view.
//   - A prewrite is let through likewise. Its locks are written later, though, so it is noted
//     as under way until its handler returns. KvScanLock, once it has heard of a safe point,
//     waits for those that are below it. A prewrite that has lost its term meanwhile is refused
//     by the storage: its write carries the term of the view.
//
// What the guard knows is kept for each region: other regions of the store are served while one
// of them has a new leader.
//
//	g := server.NewGuard(ask, nil)
//	kv := server.New(g.Storage(s))
//	tinykvpb.RegisterTinyKvServer(e, g.Server(kv, s))
type Guard struct {
	ask       func(context.Context) (transaction.SafePoint, error)
	collected func(records int)

	questions questions

	mu      sync.Mutex
	regions map[uint64]*guarded
}

// guarded is what a Guard knows of a region. A region that has left the store keeps its few
// bytes here.
type guarded struct {
	// safe is the greatest safe point that was heard of.
	safe transaction.SafePoint
	// confirmed is set once the scheduler was asked in term, or in a later one.
	confirmed bool
	term      uint64
	// prewrites are those under way, in the order in which they were let in.
	prewrites []*prewriting
}

// A prewriting is a prewrite under way.
type prewriting struct {
	startTS uint64
	over    chan struct{} // closed when its locks are there, or never will be
}

// NewGuard returns a guard. ask returns the safe point of the scheduler as it is during the
// call; its error should come within a second or so. collected is called with the number of
// records that each request has removed; nil means not at all.
func NewGuard(ask func(context.Context) (transaction.SafePoint, error), collected func(records int)) *Guard {
	if collected == nil {
		collected = func(int) {}
	}
	return &Guard{ask: ask, collected: collected, regions: map[uint64]*guarded{}}
}

// region returns what is known of a region. The caller holds g.mu.
func (g *Guard) region(id uint64) *guarded {
	r := g.regions[id]
	if r == nil {
		r = &guarded{}
		g.regions[id] = r
	}
	return r
}

// A visit is a request on its way through a handler.
type visit struct {
	guard *Guard
	// refuse returns what a safe point has against the request, or nil.
	refuse func(transaction.SafePoint) *kvrpcpb.KeyError
	// locks is the start timestamp of a prewrite, 0 for other requests.
	locks uint64

	// What follows is guarded by guard.mu.

	refused *kvrpcpb.KeyError // by the last view
	left    []func()          // end the prewrites that were let in
}

type visitKey struct{}

// call calls a handler with a context from which the storage knows v. refused is not nil if the
// handler was refused its view for the safe point. Then its response says nothing.
func call[Request, Response any](ctx context.Context, v *visit, req Request,
	handler func(context.Context, Request) (Response, error),
) (resp Response, refused *kvrpcpb.KeyError, err error) {
	defer func() {
		v.guard.mu.Lock()
		defer v.guard.mu.Unlock()
		for _, leave := range v.left {
			leave()
		}
		refused = v.refused
	}()
	resp, err = handler(context.WithValue(ctx, visitKey{}, v), req)
	return resp, nil, err
}

// errTooOld is what a storage answers to a handler whose request is refused. It does not reach
// clients: call says more.
var errTooOld = errors.NewNoStackError("the request is older than the safe point")

// Storage returns s with the check for the handlers that Server calls. Others may use it, too;
// of raw commands it checks nothing.
func (g *Guard) Storage(s storage.Storage) storage.Storage { return &guardedStorage{s} }

type guardedStorage struct{ storage.Storage }

// Reader implements storage.Storage.
func (s *guardedStorage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	view, err := s.Storage.Reader(ctx, rc)
	return admitted(ctx, rc, view, err)
}

// Draft implements storage.Drafter. A write that is decided on a draft carries the term of
// the draft, and with it what was checked for that term.
func (s *guardedStorage) Draft(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	view, err := storage.Draft(ctx, s.Storage, rc)
	return admitted(ctx, rc, view, err)
}

// admitted returns a view to the handler that has ctx, if it may have it.
func admitted(ctx context.Context, rc *kvrpcpb.Context, view storage.Reader, err error) (storage.Reader, error) {
	if err != nil {
		return nil, err
	}
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		if err := v.guard.admit(ctx, rc.GetRegionId(), storage.Term(view), v); err != nil {
			view.Close()
			return nil, err
		}
	}
	return view, nil
}

// admit lets v go on with a view of a region, of a term, or returns why not.
func (g *Guard) admit(ctx context.Context, id, term uint64, v *visit) error {
	for {
		known, err := g.check(id, term, v)
		if known || err != nil {
			return err
		}
		safe, err := g.question(ctx)
		if err != nil {
			return err
		}
		g.mu.Lock()
		r := g.region(id)
		r.safe = r.safe.Join(safe)
		if !r.confirmed || r.term < term {
			r.confirmed, r.term = true, term
		}
		g.mu.Unlock()
	}
}

// question asks the scheduler. If it does not answer, the request is to come again.
func (g *Guard) question(ctx context.Context) (transaction.SafePoint, error) {
	safe, err := g.questions.ask(ctx, g.ask)
	if ctx.Err() != nil {
		return safe, ctx.Err()
	}
	if err != nil {
		return safe, region.Busy("it is not known which versions may have been removed: " + err.Error())
	}
	return safe, nil
}

// check decides about v if enough is known. A question that was asked in a later term than
// the view's will do: it began later.
func (g *Guard) check(id, term uint64, v *visit) (known bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.region(id)
	if v.refused = v.refuse(r.safe); v.refused != nil {
		return true, errTooOld
	}
	if !r.confirmed || r.term < term {
		return false, nil
	}
	if v.locks != 0 {
		p := &prewriting{v.locks, make(chan struct{})}
		r.prewrites = append(r.prewrites, p)
		v.left = append(v.left, func() {
			n := slices.Index(r.prewrites, p)
			r.prewrites = slices.Delete(r.prewrites, n, n+1)
			close(p.over)
		})
	}
	return true, nil
}

// hear makes a region know a safe point, at or above what is enough. It asks the scheduler
// unless that is known already. The answer may be below what is enough.
func (g *Guard) hear(ctx context.Context, id uint64, enough func(transaction.SafePoint) bool) (transaction.SafePoint, error) {
	g.mu.Lock()
	var known transaction.SafePoint
	if r := g.regions[id]; r != nil {
		known = r.safe
	}
	g.mu.Unlock()
	if enough(known) {
		return known, nil
	}
	asked, err := g.question(ctx)
	if err != nil {
		return known, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.region(id)
	r.safe = r.safe.Join(asked)
	return r.safe, nil
}

// forget drops what is known of a region that may not be here, so that requests for regions
// that are nowhere take no memory. A region in which no handler has had a view since is asked
// for again before the next one.
func (g *Guard) forget(id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.regions[id]; r != nil && !r.confirmed && len(r.prewrites) == 0 {
		delete(g.regions, id)
	}
}

// wait waits for the prewrites under way in a region of transactions that began at or below a
// timestamp, and returns early if ctx ends. It waits for none that comes later.
func (g *Guard) wait(ctx context.Context, id, maxVersion uint64) error {
	g.mu.Lock()
	old := slices.Clone(g.region(id).prewrites)
	g.mu.Unlock()
	for _, p := range old {
		if p.startTS > maxVersion {
			continue
		}
		select {
		case <-p.over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// questions share what they ask. The zero questions are ready for use.
type questions struct {
	mu   sync.Mutex
	busy bool      // a question is under way, or the next one has its turn
	next *question // of those that wait; nil if there are none
}

// A question is asked once for all that wait for its answer when its turn comes.
type question struct {
	turn chan struct{} // has an element once one of those that wait is to ask
	done chan struct{} // closed once these are set:
	safe transaction.SafePoint
	err  error
}

// ask returns the answer to a question that begins after the call of ask: one that is under
// way already may miss what the caller has to know.
func (qs *questions) ask(ctx context.Context, ask func(context.Context) (transaction.SafePoint, error)) (transaction.SafePoint, error) {
	if err := ctx.Err(); err != nil {
		return transaction.SafePoint{}, err
	}
	qs.mu.Lock()
	if qs.next == nil {
		qs.next = &question{turn: make(chan struct{}, 1), done: make(chan struct{})}
	}
	q := qs.next
	if !qs.busy {
		qs.busy = true
		q.turn <- struct{}{}
	}
	qs.mu.Unlock()
	select {
	case <-q.turn:
	case <-q.done:
		return q.safe, q.err
	case <-ctx.Done():
		// If all that wait have left, the question waits for another one.
		return transaction.SafePoint{}, ctx.Err()
	}
	qs.mu.Lock()
	qs.next = nil // later callers have the next one
	qs.mu.Unlock()
	// The answer is for others, too, whose clients may have more time.
	q.safe, q.err = ask(context.WithoutCancel(ctx))
	close(q.done)
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.busy = qs.next != nil
	if qs.busy {
		qs.next.turn <- struct{}{}
	}
	return q.safe, q.err
}
