package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/raft"
)

// A draft says that the kv engine holds everything that was acknowledged to
// clients of a region up to a term. It is true of a peer that leads in that
// term and has applied an entry of it. Every write that was acknowledged in an
// earlier term is before that entry (§5.4.3), and a write of this term is
// acknowledged after it was applied here. It stays true when the peer no longer
// leads: the engine does not forget. But then there may be later terms.
type draft struct {
	region *metapb.Region
	term   uint64
}

// noteDraft makes p offer a draft if it can, after a pass has changed p.
func (p *peer) noteDraft() {
	status := p.node.BasicStatus()
	d := draft{p.region(), status.Term}
	switch old := p.draft.Load(); {
	case status.RaftState != raft.StateLeader || p.storage.applied.AppliedTerm != status.Term:
		p.draft.Store(nil)
	case old == nil || *old != d:
		p.draft.Store(&d)
	}
}

// Draft returns a view of what the store has applied of a region, which the
// caller must close, or false if it has none that is good for a draft
// (storage.Draft). Then a Read says why, or has the view. Draft does not wait
// for a pass: the engine can be read at any time, and whether the peer still
// leads does not matter. The view may lack writes of terms above its own. A
// write in its term finds out.
func (s *Store) Draft(rc *kvrpcpb.Context) (engine.Snapshot, bool) {
	p := s.directory.peer(rc.GetRegionId())
	if p == nil {
		return nil, false
	}
	d := p.draft.Load()
	store := rc.Peer.GetStoreId()
	if d == nil || store != 0 && store != s.cfg.StoreID || rc.Term != 0 && rc.Term < d.term || region.Check(d.region, rc.RegionEpoch) != nil {
		return nil, false
	}
	snapshot, err := s.cfg.KVEngine.Snapshot()
	if err != nil {
		return nil, false
	}
	return &view{snapshot, d.region, d.term}, true
}
