//go:build mutant

// A heartbeat is refused when one of the peers is on a tombstone. But a store may have
// been removed by mistake of the operators, or a report may be older than its end: a
// tombstone is known, and only a heartbeat can show the peer that is to be replaced.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) wellFormed(r *metapb.Region) error {
	for _, p := range r.GetPeers() {
		if info := s.stores[p.GetStoreId()]; info != nil && info.meta.State == metapb.StoreState_Tombstone {
			return refuse("store %d was removed for good", p.StoreId)
		}
	}
	return s.wellFormed_original(r)
}
