package storesim

import (
	stderrors "errors"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage/replicated"
)

// access is the storage.Storage that the handlers of a store go through. The store
// runs before and after it, so that there is nothing to start or stop.
type access struct{ replicated.Access }

func (access) Start() error { return nil }
func (access) Stop() error  { return nil }

// submit gives c to the store, and watches what is answered.
func (s *store) submit(c *raftstore.Command) {
	if s.system.replaced(s) {
		s.env.Reach(AskedOldLeader)
	}
	answered, done := s.expect(c.Writes), c.Done
	c.Done = func(r raftstore.Result) {
		answered()
		var refusal *region.Error
		if stderrors.As(r.Err, &refusal) && refusal.Err.StaleCommand != nil {
			s.env.Reach(ProposalReplaced)
		}
		if r.Snapshot != nil {
			s.tellServed()
		}
		if !s.dead() { // or nobody heard of it
			s.system.fates.answered(s.env.ID, c.Writes, r.Err == nil, refusal)
		}
		done(r)
	}
	s.Submit(c)
}
