//go:build mutant

// An empty offline store stays offline: no tombstone ever.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) bury() error {
	for _, info := range s.sortedStores() {
		id := info.id()
		if info.meta.State != metapb.StoreState_Offline || s.regions.on(id).peers.Len() > 0 || !s.regions.whole() {
			continue
		}
		_ = id
		s.log.Info("store is a tombstone", "store", id)
	}
	return nil
}
