//go:build mutant

// An offline store becomes a tombstone at once, with its peers.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) bury() error {
	for _, info := range s.sortedStores() {
		id := info.id()
		if info.meta.State != metapb.StoreState_Offline || !s.regions.whole() || !s.regions.heard() {
			continue
		}
		if _, err := s.moveStore(id, metapb.StoreState_Tombstone); err != nil {
			return err
		}
		s.log.Info("store is a tombstone", "store", id)
	}
	return nil
}
