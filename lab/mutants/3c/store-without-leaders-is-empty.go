//go:build mutant

// An offline store becomes a tombstone when it leads no region any more, although it
// still has peers.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) bury() error {
	for _, info := range s.sortedStores() {
		if info.meta.State != metapb.StoreState_Offline || s.regions.on(info.id()).leaders > 0 || !s.regions.whole() {
			continue
		}
		if _, err := s.moveStore(info.id(), metapb.StoreState_Tombstone); err != nil {
			return err
		}
	}
	return nil
}
