package storesim

import (
	"context"
	stderrors "errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// access is the storage.Storage that the handlers of a store go through. The store
// runs before and after it, so that there is nothing to start or stop.
type access struct{ replicated.Access }

// Write notes which call asks for the write.
func (a access) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	return a.of(ctx).Write(ctx, rc, ops)
}

// Reader notes which call asks for the view.
func (a access) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	return a.of(ctx).Reader(ctx, rc)
}

// Draft notes which call asks for the view.
func (a access) Draft(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	return a.of(ctx).Draft(ctx, rc)
}

// of returns the access of the call that a handler with that context serves.
func (a access) of(ctx context.Context) replicated.Access {
	w := a.Requests.(watched)
	w.command.Client, w.command.N = sim.CallOf(ctx)
	return replicated.Access{Requests: w}
}

func (access) Start() error { return nil }
func (access) Stop() error  { return nil }

// watched are the requests of a store, whose answers are watched. command is the one
// that is submitted, as far as it is a client's.
type watched struct {
	*store
	command check.Command
}

// Write gives w to the store when it is its turn.
func (s watched) Write(w *raftstore.Write) {
	s.turns.ask(s.command, func() { s.write(w) })
}

func (s watched) write(w *raftstore.Write) {
	ops := w.Ops()
	answered := s.asked(w.Context().GetRegionId(), ops)
	s.system.fates.submitted(ops)
	w.Intercept(func(err error, answer func(error)) {
		answered()
		if err != nil {
			s.notProposed(s.command)
		}
		var refusal *region.Error
		if stderrors.As(err, &refusal) {
			s.refused(refusal)
		}
		if !s.dead() { // otherwise the answer reaches no client
			s.system.fates.answered(s.id, ops, err == nil, refusal)
		}
		s.turns.answer(s.command, func() { answer(err) })
	})
	s.Store.Write(w)
}

// refused notes why a write was refused.
func (s watched) refused(e *region.Error) {
	switch {
	case e.Err.StaleCommand != nil:
		s.env.Reach(ProposalReplaced)
	case e.Err.EpochNotMatch != nil:
		s.env.Reach(EpochRefused)
	}
}

// Read gives r to the store when it is its turn.
func (s watched) Read(r *raftstore.Read) {
	s.turns.ask(s.command, func() { s.read(r) })
}

func (s watched) read(r *raftstore.Read) {
	region := r.Context.GetRegionId()
	answered, done := s.asked(region, nil), r.Done
	r.Done = func(view engine.Snapshot, err error) {
		answered()
		if err == nil {
			s.served(region)
		}
		s.turns.answer(s.command, func() { done(view, err) })
	}
	s.Store.Read(r)
}

// asked notes that a client asks a region for ops, or for a view if there are none.
// It returns what is to be called when the answer comes.
func (s watched) asked(region uint64, ops []engine.Op) (answered func()) {
	if s.system.replaced(s.store, region) {
		s.env.Reach(AskedOldLeader)
	}
	return s.expect(region, s.command, ops)
}

// served notes that the store serves a read of a region now.
func (s *store) served(region uint64) {
	if p := s.peer(region); p != nil && !s.dead() {
		s.note(s.system.members.Acts(s.replica(region, p.id), "serves a read"))
	}
	s.tellServed(region)
}
