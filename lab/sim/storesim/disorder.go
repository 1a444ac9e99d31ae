package storesim

import (
	"math/rand/v2"
	"slices"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A shuffler is the transport of a store that sends in any order, as one does that
// walks a map of its peers: what it sends between two writes leaves in random order of
// the destinations. What one destination gets stays in order. The randomness does
// not come from the run, which must not notice.
type shuffler struct {
	network
	waiting []*raftserverpb.RaftMessage
}

func (s *shuffler) Send(m *raftserverpb.RaftMessage) { s.waiting = append(s.waiting, m) }

// flush sends what waits. It comes before everything that is done to a disk, which takes
// time, and may be the last thing that the store does.
func (s *shuffler) flush() {
	if s == nil || len(s.waiting) == 0 {
		return
	}
	messages := s.waiting
	s.waiting = nil
	place := map[uint64]int{}
	for _, m := range messages {
		if _, known := place[m.ToPeer.StoreId]; !known {
			place[m.ToPeer.StoreId] = rand.Int()
		}
	}
	slices.SortStableFunc(messages, func(a, b *raftserverpb.RaftMessage) int {
		return place[a.ToPeer.StoreId] - place[b.ToPeer.StoreId]
	})
	for _, m := range messages {
		s.network.Send(m)
	}
}

// A flushing engine has messages leave before it changes.
type flushing struct {
	engine.Engine
	s *shuffler
}

func (f flushing) Write(b *engine.Batch, sync bool) error {
	f.s.flush()
	return f.Engine.Write(b, sync)
}

func (f flushing) Sync() error {
	f.s.flush()
	return f.Engine.Sync()
}

func (f flushing) DeleteRange(cf engine.CF, r engine.Range) error {
	f.s.flush()
	return f.Engine.DeleteRange(cf, r)
}
