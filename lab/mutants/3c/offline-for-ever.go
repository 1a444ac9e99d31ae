//go:build mutant

// An empty offline store stays offline: no tombstone ever.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) bury() error {
	for _, info := range s.sortedStores() {
		if id := info.id(); info.meta.State == metapb.StoreState_Offline && s.regions.on(id).peers.Len() == 0 && s.regions.whole() && s.regions.heard() {
			s.log.Info("store is empty", "store", id)
		}
	}
	return nil
}
